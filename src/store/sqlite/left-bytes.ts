import { createReadStream } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createTraceFinder } from '../trace-finder.ts'

/**
 * `person`: a text stands there alone. `unclear`: with letters beside it, which may be a longer address
 * or the next column of a row. `nothing`: it is not there, or only in longer addresses.
 */
export type Left = 'nothing' | 'unclear' | 'person'

const CHUNK_BYTES = 1024 * 1024
/** More than the part of an address before its @ may have. */
const CONTEXT_BYTES = 80

/** Beyond this many nobody's memory is filled: then it stays unclear. */
const MOST_OTHERS = 1_000
const MOST_UNCLEAR = 10_000

/** Before an address there may be an escape. */
const WORD_BEFORE = /[\w.%+\\\x80-\xff-]*$/
const WORD_BEHIND = /^[\w.\x80-\xff-]*/
const PRINTABLE = /^[ -~]$/

/** What a process of its own reads from its standard input. */
export interface LeftQuestion {
  readonly files: readonly string[]
  readonly texts: readonly string[]
}

/** Looks for texts among the bytes of files, without regard to the case of ASCII letters. */
export async function findLeft(files: readonly string[], texts: readonly string[]): Promise<Left> {
  const finder = createTraceFinder(texts)
  // Longer addresses, seen where no column can touch them; and what may hold one of them.
  const others = new Set<string>()
  const unclear = new Set<string>()
  const isOther = (word: string) => [...others].some((other) => word.includes(other))

  for (const file of files) {
    for await (const { word, isWrittenOut } of readWords(file, texts)) {
      if (finder.isIn(Buffer.from(word, 'latin1').toString())) return 'person'
      const lower = lowerAscii(word)
      if (isWrittenOut && others.size < MOST_OTHERS) others.add(lower)
      else if (unclear.size < MOST_UNCLEAR && !isOther(lower)) unclear.add(lower)
    }
  }
  const isClear = unclear.size < MOST_UNCLEAR && [...unclear].every(isOther)
  return isClear ? 'nothing' : 'unclear'
}

interface Word {
  /** The text and what may belong to it on both sides, a character for each byte. */
  readonly word: string
  readonly isWrittenOut: boolean
}

async function* readWords(file: string, texts: readonly string[]): AsyncGenerator<Word> {
  const wanted = texts.map((text) => Buffer.from(text.toLowerCase()).toString('latin1'))
  const reach = Math.max(...wanted.map((text) => text.length)) + CONTEXT_BYTES
  let read = ''
  let from = 0
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
    read += (chunk as Buffer).toString('latin1')
    const to = Math.max(from, read.length - reach)
    yield* findWords(read, wanted, from, to)
    const kept = Math.max(0, to - CONTEXT_BYTES - 1)
    read = read.slice(kept)
    from = to - kept
  }
  yield* findWords(read, wanted, from, read.length)
}

/** Words around texts that begin from one place on and before another. */
function* findWords(
  text: string,
  wanted: readonly string[],
  from: number,
  to: number,
): Generator<Word> {
  const lower = lowerAscii(text)
  for (const one of wanted) {
    for (let at = lower.indexOf(one, from); at >= 0 && at < to; at = lower.indexOf(one, at + 1)) {
      yield wordAround(text, at, at + one.length)
    }
  }
}

function wordAround(text: string, start: number, end: number): Word {
  const [before = ''] =
    WORD_BEFORE.exec(text.slice(Math.max(0, start - CONTEXT_BYTES), start)) ?? []
  const [behind = ''] = WORD_BEHIND.exec(text.slice(end, end + CONTEXT_BYTES)) ?? []
  const isCut = before.length === CONTEXT_BYTES || behind.length === CONTEXT_BYTES
  const [from, to] = [start - before.length, end + behind.length]
  const isFramed = PRINTABLE.test(text[from - 1] ?? '') && PRINTABLE.test(text[to] ?? '')
  return { word: text.slice(from, to), isWrittenOut: isFramed && !isCut }
}

/** Of the bytes of a text beyond ASCII, none may become another. */
function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

// As a process: it may open and close the files, whose locks are not its own.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { files, texts } = JSON.parse(await text(process.stdin)) as LeftQuestion
  process.stdout.write(JSON.stringify(await findLeft(files, texts)))
}
