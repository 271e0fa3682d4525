import { markFormSpaces, markSpaces, PLUS_OR_SPACE, unescapeOnce } from './escapes.ts'

/** Finds people in what is stored: a text, such as an e-mail address, however it is written there. */
export interface TraceFinder {
  /** For LIKE without regard to case: whatever holds a trace matches one of these; more may. */
  readonly patterns: readonly string[]
  isIn(text: string): boolean
  isInBytes(bytes: Uint8Array): boolean
}

/** An error may quote an error that quotes an event: escapes of escapes. */
const MOST_LAYERS = 3

/** Longer addresses are other people's: `joann@example.com` and `ann@example.com.au`. */
const NO_ADDRESS_BEFORE = '(?<![\\p{L}\\p{N}_%+-]|[\\p{L}\\p{N}_%+-]\\.)'
const NO_ADDRESS_BEHIND = '(?![\\p{L}\\p{N}-]|\\.[\\p{L}\\p{N}])'

/** Case makes no difference, and neither do the escapes of JSON, URLs, forms and HTML. */
export function createTraceFinder(traces: readonly string[]): TraceFinder {
  const finders = traces.map((trace) => createOne(trace.toLowerCase()))

  function isIn(text: string): boolean {
    const lower = text.toLowerCase()
    return finders.some((find) => find.isIn(lower))
  }

  return {
    patterns: finders.map(({ runs }) => `%${runs.join('%')}%`),
    isIn,
    isInBytes(bytes) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
      // What is UTF-16 has a zero beside every letter.
      return isIn(text) || (text.includes('\0') && isIn(text.replaceAll('\0', '')))
    },
  }
}

function createOne(trace: string) {
  // No writer escapes these, so their absence spares the rest.
  const runs = trace.match(/[a-z0-9]+/g) ?? []
  const literal = trace.replaceAll(/[^\p{L}\p{N}]/gu, toPattern)
  const exact = new RegExp(`${NO_ADDRESS_BEFORE}${literal}${NO_ADDRESS_BEHIND}`, 'u')

  function isIn(lower: string): boolean {
    if (!runs.every((run) => lower.includes(run))) return false
    let text = markFormSpaces(lower)
    for (let layer = 0; layer <= MOST_LAYERS; layer++) {
      if (exact.test(text)) return true
      const plain = unescapeOnce(markSpaces(text))
      if (plain === text) return false
      text = plain
    }
    return false
  }

  return { runs, isIn }
}

function toPattern(character: string): string {
  return character === '+'
    ? `[+${PLUS_OR_SPACE}]`
    : `\\u{${character.codePointAt(0)?.toString(16)}}`
}
