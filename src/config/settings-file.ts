import { basename, dirname, resolve } from 'node:path'
import { type Document, LineCounter, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import type { RedactRules } from '../model.ts'
import { findNearestWord } from '../nearest-word.ts'
import { type FileHandler, type FileSource, fileSchema, knownKeys } from './file-schema.ts'
import { readFileOrExplain } from './secret-reader.ts'
import type { ProblemList } from './settings-error.ts'
import { WrongValue, wrongValueOf } from './wrong-value.ts'

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
  readonly handlers?: readonly FileHandler[] | undefined
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
  const issues = fileSchema.safeParse(content).error?.issues ?? []
  for (const issue of issues) addFileProblem(issue, label, problems)
  const { sources = {}, handlers, redact, ...values } = parseWithoutWrong(content)
  const isAnySourceGiven = Object.keys(sources).length > 0 || issues.some(isAboutSources)
  return { ...empty, values, sources, handlers, redact, isAnySourceGiven }
}

/** The content less what is wrong: the wrong values themselves, else what cannot do without them. */
function parseWithoutWrong(content: unknown): z.output<typeof fileSchema> {
  const right = structuredClone(content)
  // Each round removes something, and no value lies deeper than handlers.0.headers.Authorization.
  for (let round = 0; round < 5; round++) {
    const parsed = fileSchema.safeParse(right)
    if (parsed.success) return parsed.data
    for (const issue of parsed.error.issues) {
      if (issue.code !== 'unrecognized_keys') remove(right, issue.path)
      else for (const key of issue.keys) remove(right, [...issue.path, key])
    }
  }
  return {}
}

/** True also for `sourcs`, and for a file that is no list of settings at all. */
function isAboutSources(issue: z.core.$ZodIssue): boolean {
  const [key] = issue.path
  if (key !== undefined || issue.code !== 'unrecognized_keys') return key !== 'handlers'
  return issue.keys.some((unknown) => findNearestWord(unknown, ['sources']))
}

/** Removes the value at `path`; where it is missing or part of a list, what holds it. */
function remove(content: unknown, path: readonly PropertyKey[]): void {
  const key = path.at(-1)
  if (key === undefined) return
  const holder = path.slice(0, -1).reduce<unknown>(valueAt, content)
  if (isRecord(holder) && Object.hasOwn(holder, key)) delete holder[key]
  else remove(content, path.slice(0, -1))
}

function valueAt(value: unknown, key: PropertyKey): unknown {
  return isRecord(value) || Array.isArray(value) ? Reflect.get(value, key) : undefined
}

function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function addFileProblem(
  issue: z.core.$ZodIssue,
  label: (place: string) => string,
  problems: ProblemList,
): void {
  const place = issue.path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') {
    const { problem, remedy } = wrongValueOf(issue)
    problems.add(place ? label(place) : 'CONFIG_FILE', problem, remedy)
    return
  }
  const known = knownKeys(issue.path)
  for (const key of issue.keys) {
    const meant = findNearestWord(key, known)
    const remedy = meant ? `Did you mean ${meant}?` : `Known here: ${known.join(', ')}.`
    problems.add(label(place ? `${place}.${key}` : key), 'is no setting', remedy)
  }
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
