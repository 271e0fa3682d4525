import { basename, dirname, resolve } from 'node:path'
import { type Document, LineCounter, parseDocument, visit } from 'yaml'
import type { RedactRules } from '../model.ts'
import { findNearestWord } from '../nearest-word.ts'
import { type FileHandler, type FileSource, type ReadWithin, readFileKeys } from './file-schema.ts'
import { type ProblemList, WrongValue } from './problems.ts'
import { readFileOrExplain } from './secrets.ts'

/** What the YAML file says, before the environment is laid over it. */
export interface SettingsFile {
  /** Absolute; undefined without a file. */
  readonly path: string | undefined
  /** From where its paths are found. */
  readonly folder: string
  /** Settings by their key in the file, as YAML gives them. */
  readonly values: Readonly<Record<string, unknown>>
  readonly sources: Readonly<Record<string, FileSource>>
  /** True also when the sources, or the file itself, cannot be read. */
  readonly isAnySourceGiven: boolean
  /** Undefined in its place: one that is wrong. */
  readonly handlers?: readonly (FileHandler | undefined)[] | undefined
  /** For every source without rules of its own. */
  readonly redact?: RedactRules | undefined
  /** How a message names a place in it: `sources.audit (receiver.yaml)`. */
  label(path: string): string
}

/** Reads CONFIG_FILE. What is wrong in it leaves a problem and counts as absent. */
export function readSettingsFile(
  options: { env: NodeJS.ProcessEnv; cwd: string; readFile: (path: string) => string },
  problems: ProblemList,
): SettingsFile {
  const given = options.env['CONFIG_FILE']
  const path = given ? resolve(options.cwd, given) : undefined
  const label = (place: string) => `${place} (${basename(path ?? '')})`
  const folder = path ? dirname(path) : options.cwd
  const empty = { path, folder, label, values: {}, sources: {} }
  if (!path) return { ...empty, isAnySourceGiven: false }

  const content = problems.attempt('CONFIG_FILE', () =>
    parseYaml(readFileOrExplain(options.readFile, path, given)),
  )
  if (content === undefined) return { ...empty, isAnySourceGiven: true }
  const readBelow =
    (place: string): ReadWithin =>
    (key, value, read) => {
      const inner = `${place}${key}`
      return problems.attempt(label(inner), () => read(value, readBelow(`${inner}.`)))
    }
  const keys = problems.attempt('CONFIG_FILE', () => readFileKeys(content, readBelow('')))
  const { sources = {}, handlers, redact, ...values } = keys ?? {}
  return { ...empty, values, sources, handlers, redact, isAnySourceGiven: hasSources(content) }
}

/** True also for `sourcs`, and for a file that is no list of settings at all. */
function hasSources(content: unknown): boolean {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return true
  return Object.entries(content).some(([key, value]) =>
    key === 'sources' ? JSON.stringify(value) !== '{}' : findNearestWord(key, ['sources']),
  )
}

/**
 * What a YAML text holds. Throws `WrongValue`. The parser's own texts and warnings quote the file,
 * which may hold secrets: only the place is told.
 */
function parseYaml(text: string): unknown {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' })
  const refuse = (problem: string, offset: number, remedy: string): never => {
    const { line, col } = lineCounter.linePos(offset)
    throw new WrongValue(`is no YAML: ${problem} at line ${line}, column ${col}`, remedy)
  }
  const error = document.errors[0]
  if (error) {
    const problem = error.code.toLowerCase().replaceAll('_', ' ')
    refuse(problem, error.pos[0], 'Mend that line.')
  }
  if (document.contents === null) {
    throw new WrongValue('is empty', 'Write settings into it, or remove CONFIG_FILE.')
  }
  const offset = findUnresolvedAlias(document)
  if (offset !== undefined) {
    refuse('unresolved alias', offset, 'Put a value that begins with * in quotes.')
  }
  return expandAliases(document)
}

function findUnresolvedAlias(document: Document): number | undefined {
  let offset: number | undefined
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document)) return undefined
      offset = alias.range?.[0]
      return visit.BREAK
    },
  })
  return offset
}

function expandAliases(document: Document): unknown {
  try {
    const content = document.toJS()
    // Nothing that holds itself can be written out.
    JSON.stringify(content)
    return content
  } catch {
    throw new WrongValue('is no YAML: its aliases stand for too much', 'Write the values out.')
  }
}
