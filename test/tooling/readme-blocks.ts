import { readFileSync } from 'node:fs'

/** A fenced block of the README. */
export interface Block {
  /** `sh`, `text`, `ts`, `yaml`, `mermaid`. */
  readonly language: string
  /** The file that a reader makes of it: `ts file=handlers/archive.ts`. */
  readonly file: string | undefined
  readonly text: string
}

const FENCE = /^```(\w*)(?: file=(\S+))?\n(.*?)^```$/gms

export function readBlocks(path: string): Block[] {
  return [...readFileSync(path, 'utf8').matchAll(FENCE)].map(
    ([, language = '', file, text = '']) => ({ language, file, text }),
  )
}

/** One per line; a backslash at the end goes on in the next. */
export function splitCommands(text: string): string[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
}

/** The rows of each table, without its head: their cells, without backticks. */
export function readTables(path: string): Map<string, string[][]> {
  const tables = new Map<string, string[][]>()
  const pattern = /^\| (.+) \|\n\|[-|]+\|\n((?:\|.*\|\n)+)/gm
  for (const [, head = '', rows = ''] of readFileSync(path, 'utf8').matchAll(pattern)) {
    const cells = rows
      .trim()
      .split('\n')
      .map((row) => row.slice(2, -2).replaceAll('`', '').split(' | '))
    tables.set(head.split(' | ')[0] ?? '', cells)
  }
  return tables
}

const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?/g, '<time>'],
  [/127\.0\.0\.1:\d+/g, '<address>'],
  [/\bport \d{4,5}\b/g, 'port <number>'],
  [/^(rate +).*/gm, '$1<rate>'],
  [/[ \t]+$/gm, ''],
]

/** The text without what differs from run to run: times, ports, rates. */
export function shapeOf(text: string): string {
  return VOLATILE.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, name), text)
}
