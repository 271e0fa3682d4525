import { isUtf8 } from 'node:buffer'

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
const NO_ADDRESS_BEFORE = '(?<!\\p{L}\\p{M}*|[\\p{N}_%+-]|[\\p{L}\\p{N}_%+-]\\.)'
const NO_ADDRESS_BEHIND = '(?![\\p{L}\\p{M}\\p{N}-]|\\.[\\p{L}\\p{N}])'
/** `ann@example.com.Please`, but not `Ann@Example.Com.Au`. */
const SENTENCE_BEHIND = '(?<=[.@]\\p{Ll}[\\p{L}\\p{N}-]*)(?=\\.\\p{Lu})'

/** For LIKE: what letters and digits can be hidden in. */
const ESCAPED_PATTERNS = ['%\\\\u00%', '%\\%%', '%&#%']
/** Closer, as escapes of other characters are common: a letter, a digit, or another escape. */
const HIDDEN = /(?:\\u00|%)(?:25|3\d|[46][1-9a-f]|5[\dac]|7[\da]|26(?:#|(?:\\u00|%)23))|&#/i

/** Neither case makes a difference, nor the form of accents, nor the escapes of JSON, URLs, forms and HTML. */
export function createTraceFinder(traces: readonly string[]): TraceFinder {
  // The forms of one person's accents become one.
  const wanted = new Set(traces.map((trace) => trace.toLowerCase().normalize()))
  const finders = [...wanted].map(createOne)

  function findLikely(text: string) {
    const lower = text.toLowerCase()
    return finders.filter(({ mayBeIn }) => mayBeIn(lower))
  }

  function isIn(text: string): boolean {
    if (findLikely(text).length === 0 && !HIDDEN.test(text)) return false
    let plain = markFormSpaces(text)
    for (let layer = 0; layer <= MOST_LAYERS; layer++) {
      if (findLikely(plain).some((find) => find.isIn(plain))) return true
      const next = unescapeOnce(markSpaces(plain))
      if (next === plain) return false
      plain = next
    }
    return false
  }

  return {
    patterns: [...finders.map(({ runs }) => `%${runs.join('%')}%`), ...ESCAPED_PATTERNS],
    isIn,
    isInBytes(bytes) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
      // What is UTF-16 has a zero beside every letter.
      return isIn(text) || (text.includes('\0') && isIn(text.replaceAll('\0', '')))
    },
  }
}

function createOne(trace: string) {
  // Few texts have all of these, which spares the rest.
  const runs = trace.match(/[a-z0-9]+/g) ?? []
  const exact = createPattern(trace)

  return {
    runs,
    mayBeIn: (lower: string) => runs.every((run) => lower.includes(run)),
    isIn: (text: string) => exact.test(text.normalize()),
  }
}

/** Case is left to the letters: behind the address it tells a sentence from a domain. */
function createPattern(trace: string): RegExp {
  const address = [...trace].map(toPattern).join('')
  const prefix = [...'activity_log.'].map(toPattern).join('')
  const emphasised = `(_+)${address}(?=\\1)`
  return new RegExp(
    `${NO_ADDRESS_BEFORE}(?:(?:${prefix})?${address}|${emphasised})(?:${NO_ADDRESS_BEHIND}|${SENTENCE_BEHIND})`,
    'u',
  )
}

function toPattern(character: string): string {
  const same = character === '+' ? PLUS_OR_SPACE : character.toUpperCase()
  // A capital of two letters is none.
  const codes = [character, same].flatMap((one) =>
    [...one].length === 1 ? one.codePointAt(0) : [],
  )
  return `[${codes.map((code) => `\\u{${code?.toString(16)}}`).join('')}]`
}

const ESCAPES = /\\(?:u([0-9a-f]{4})|(.))|((?:%[0-9a-f]{2})+)|&#(?:x([0-9a-f]{2,4})|(\d{2,5}));/gis
const WHITE_SPACE: ReadonlySet<string> = new Set(['n', 'r', 't', 'b', 'f'])

/** One layer of the escapes of JSON, URLs and HTML less. */
function unescapeOnce(text: string): string {
  return text.replaceAll(ESCAPES, (_, unicode, simple, percents, hexEntity, entity) => {
    if (simple !== undefined) return WHITE_SPACE.has(simple) ? ' ' : simple
    if (percents !== undefined) return readPercents(percents)
    const code = entity ? Number(entity) : Number.parseInt(unicode ?? hexEntity, 16)
    return String.fromCharCode(code)
  })
}

/** Bytes of UTF-8; what is none was written by an older program, in Latin-1. */
function readPercents(percents: string): string {
  const bytes = Buffer.from(percents.replaceAll('%', ''), 'hex')
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
}

/** Stands for a plus sign that may have been a space: no letter, and for private use. */
const PLUS_OR_SPACE = '\u{e000}'

const FORM = /^\s*[^\s"={}]+=[^\s"{}]*\s*$/
const WORDS = /[^\s"'<>&=?#,;]+/g

/** Whoever writes `@` as `%40` writes a plus sign as `%2B`, and a space often as a plus sign. */
function markSpaces(text: string): string {
  if (!text.includes('+') || !text.includes('%40')) return text
  return text.replaceAll(WORDS, (word) => (word.includes('%40') ? markAll(word) : word))
}

/** In form data every plus sign was a space. */
function markFormSpaces(text: string): string {
  return text.includes('+') && FORM.test(text) ? markAll(text) : text
}

const markAll = (text: string) => text.replaceAll('+', PLUS_OR_SPACE)
