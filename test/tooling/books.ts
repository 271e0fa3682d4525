import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** In the order in which a reader comes to them: what one starts, the next may use. */
export const BOOKS = [
  'README.md',
  'src/handlers/README.md',
  'fixtures/deploy/README.md',
  '.github/CONTRIBUTING.md',
  '.github/SECURITY.md',
  'test/bench/README.md',
  'fixtures/README.md',
] as const

/** A fenced block of a book. */
export interface Block {
  readonly book: string
  /** `sh`, `text`, `ts`, `yaml`, `mermaid`. */
  readonly language: string
  /** The file that a reader makes of it: `ts file=handlers/archive.ts`. */
  readonly file: string | undefined
  /** What its first line says that its commands need, such as `Docker`; they are not run. */
  readonly needs: string | undefined
  readonly text: string
}

const FENCE = /^```(\w*)(?: file=(\S+))?\n(.*?)^```$/gms
const NEEDS = /^# Needs (.+)\.\n/

export const readBook = (book: string): string => readFileSync(join(ROOT, book), 'utf8')

export function readBlocks(book: string): Block[] {
  return [...readBook(book).matchAll(FENCE)].map(([, language = '', file, text = '']) => ({
    book,
    language,
    file,
    needs: NEEDS.exec(text)?.[1],
    text,
  }))
}

/** One per line, without comments; a backslash or a pipe leads on into the next line. */
export function splitCommands(text: string): string[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(^|\s+)# .*$/, ''))
    .filter((line) => line !== '')
}

/** The rows of each table, without its head: their cells, without backticks. */
export function readTables(book: string): Map<string, string[][]> {
  const tables = new Map<string, string[][]>()
  const pattern = /^\| (.+) \|\n\|[-|:]+\|\n((?:\|.*\|\n)+)/gm
  for (const [, head = '', rows = ''] of readBook(book).matchAll(pattern)) {
    const cells = rows
      .trim()
      .split('\n')
      .map((row) => row.slice(2, -2).replaceAll('`', '').split(' | '))
    tables.set(head.split(' | ')[0] ?? '', cells)
  }
  return tables
}

export interface Link {
  /** Empty for a place in the same book. */
  readonly path: string
  readonly heading: string | undefined
}

/** Those that lead nowhere out of the tree. */
export function readLinks(book: string): Link[] {
  const prose = readBook(book).replaceAll(FENCE, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', heading] = target.split('#')
      return { path, heading }
    })
}

/** As they stand in an address: `#how-it-works`. */
export function readHeadings(book: string): string[] {
  const prose = readBook(book).replaceAll(FENCE, '')
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  )
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
