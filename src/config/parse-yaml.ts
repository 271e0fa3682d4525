import { type Document, LineCounter, parseDocument, visit } from 'yaml'
import { WrongValue } from './wrong-value.ts'

/**
 * What a YAML text holds. Throws `WrongValue`. The parser's own texts and warnings quote the file,
 * which may hold secrets: only the place is told.
 */
export function parseYaml(text: string): unknown {
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
