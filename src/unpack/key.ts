import { hash } from 'node:crypto'
import type { ProviderName } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import { writeUuid } from '../uuid.ts'

export const KEY_BYTES = 16

/**
 * Writes the key of an event that its provider identifies: the same from every source of that
 * provider. The UUIDs of one provider are keys as they are; of the others they are hashed like any
 * other id. Answers whether the key is the id.
 */
export function writeIdentityKey(
  { name, hasUuidKeys }: Pick<Provider, 'name' | 'hasUuidKeys'>,
  identity: string,
  into: Uint8Array,
  at: number,
): boolean {
  if (hasUuidKeys && writeUuid(identity, into, at)) return true
  // As JSON, which keeps halves of surrogate pairs apart; an encoder makes all of them the same.
  into.set(hashKey(`${name}\0${JSON.stringify(identity)}`), at)
  return false
}

/** Gives keys to the events of one batch that have nothing but their content. */
export type ContentKeys = (contentHash: string) => Uint8Array

/**
 * Identical events of a batch are told apart by their ordinal, so that the same batch sent again
 * gets the same keys. Ask for every such event from the first piece on, also when resuming.
 */
export function createContentKeys(provider: ProviderName, source: string): ContentKeys {
  const counts = new Map<string, number>()
  return (contentHash) => {
    const ordinal = counts.get(contentHash) ?? 0
    counts.set(contentHash, ordinal + 1)
    return hashKey(`${provider}\0\0${source}\0${contentHash}\0${ordinal}`)
  }
}

/** Key of an event whose id is known with other content: the same whenever it comes again. */
export function keyOfConflict(key: Uint8Array, contentHash: string): Uint8Array {
  return hashKey(`conflict\0${Buffer.from(key).toString('hex')}\0${contentHash}`)
}

/** Keys under which an event with this id may be stored, by these providers. */
export function keysOfEventId(
  providers: Readonly<Record<ProviderName, Provider>>,
  eventId: string,
): readonly Uint8Array[] {
  return Object.values(providers).map((provider) => {
    const key = new Uint8Array(KEY_BYTES)
    writeIdentityKey(provider, eventId, key, 0)
    return key
  })
}

function hashKey(text: string): Uint8Array {
  return hash('sha256', text, 'buffer').subarray(0, KEY_BYTES)
}

/**
 * Numbers of which a double may lose a part: with more than 15 digits, or with an exponent of
 * three. Looked for behind a separator, because ids and such stand behind quotes.
 */
const RISKY_NUMBER = /[:,[\s]-?(?:\d[\d.]{15}|[\d.]+[eE][+-]?\d{3})/
const TEXT_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g
/** Marks a number that was put into quotes. */
const NUMBER_MARK = '"\\u0000number '
/** So begins a text that could be taken for such a number: NUL has no other escape. It gets a second one. */
const NUL = '"\\u0000'
const LONE_SURROGATE = /\p{Surrogate}/u

/** A member of an object, by both: a value of another type stays content, as it always was. */
interface Member {
  readonly key: string
  readonly value: string
}

/**
 * The same text for the same content, whatever its key order, spacing and escapes; not JSON.
 * Numbers count by value where a double keeps it and by spelling elsewhere, so 9007199254740993 is
 * not 9007199254740992. The top-level member `omitted`, if it is there, is left out.
 */
export function canonicalText(
  event: Readonly<Record<string, unknown>>,
  text: string,
  omitted?: Member,
): string {
  const isExact = !RISKY_NUMBER.test(text) || !text.startsWith('{')
  const canonical = writeObject(isExact ? event : parseExactly(text), omitted)
  // Encoding turns every lone surrogate, which only an escape can make, into the same character.
  const isEncodable = !text.includes('\\u') || !LONE_SURROGATE.test(canonical)
  return isEncodable ? canonical : JSON.stringify(canonical)
}

/** To bring 7 MB of keys into order takes a second, in which nothing is acknowledged. */
const LONGEST_CANONICAL = 1024 * 1024

/**
 * SHA-256 of an event's content, base64url: the same for any key order, spacing and escapes; of a
 * text over 1,048,576 characters that of the text as it is. `text` is what `event` was parsed from;
 * `omitted` is a top-level member that is no content.
 */
export function hashContent(
  event: Readonly<Record<string, unknown>>,
  text: string,
  omitted?: Member,
): string {
  const isLong = text.length > LONGEST_CANONICAL
  return hash('sha256', isLong ? text : canonicalText(event, text, omitted), 'base64url')
}

/** Parses with risky numbers as marked texts, which keep their spelling; `writeExactly` undoes it. */
export function parseExactly(text: string): Record<string, unknown> {
  return JSON.parse(text.replace(TEXT_OR_NUMBER, mark))
}

/** JSON of what was parsed exactly. */
export function writeExactly(value: unknown): string {
  const text = JSON.stringify(value)
  return text.includes(NUL) ? text.replace(TEXT_OR_NUMBER, unmark) : text
}

function mark(token: string): string {
  if (token.startsWith(NUL)) return `${NUL}${token.slice(1)}`
  const isRisky = !token.startsWith('"') && RISKY_NUMBER.test(`:${token}`)
  return isRisky ? `${NUMBER_MARK}${token}"` : token
}

function unmark(token: string): string {
  if (token.startsWith(NUMBER_MARK)) return token.slice(NUMBER_MARK.length, -1)
  return token.startsWith(NUL) ? `"${token.slice(NUL.length)}` : token
}

/** Texts carry their length instead of escapes: five times as fast as JSON.stringify for each. */
function write(value: unknown): string {
  if (typeof value === 'string') return `${value.length}"${value}`
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? writeArray(value) : writeObject(value as Record<string, unknown>)
}

function writeArray(array: readonly unknown[]): string {
  let text = '['
  for (const value of array) text += `${write(value)},`
  return `${text}]`
}

/** Recursive, as the reader lets at most 64 levels pass. */
function writeObject(object: Readonly<Record<string, unknown>>, omitted?: Member): string {
  let text = '{'
  for (const key of Object.keys(object).sort()) {
    const value = object[key]
    if (omitted !== undefined && key === omitted.key && value === omitted.value) continue
    text += `${key.length}"${key}${write(value)},`
  }
  return `${text}}`
}
