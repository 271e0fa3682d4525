import { isUtf8 } from 'node:buffer'

const ESCAPES = /\\(?:u([0-9a-f]{4})|(.))|((?:%[0-9a-f]{2})+)|&#(?:x([0-9a-f]{2,4})|(\d{2,5}));/gis
const WHITE_SPACE: ReadonlySet<string> = new Set(['n', 'r', 't', 'b', 'f'])

/** One layer of the escapes of JSON, URLs and HTML less. */
export function unescapeOnce(text: string): string {
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
export const PLUS_OR_SPACE = '\u{e000}'

const FORM = /^\s*[^\s"={}]+=[^\s"{}]*\s*$/
const WORDS = /[^\s"'<>&=?#,;]+/g

/** Whoever writes `@` as `%40` writes a plus sign as `%2B`, and a space often as a plus sign. */
export function markSpaces(text: string): string {
  if (!text.includes('+') || !text.includes('%40')) return text
  return text.replaceAll(WORDS, (word) => (word.includes('%40') ? markAll(word) : word))
}

/** In form data every plus sign was a space. */
export function markFormSpaces(text: string): string {
  return text.includes('+') && FORM.test(text) ? markAll(text) : text
}

const markAll = (text: string) => text.replaceAll('+', PLUS_OR_SPACE)
