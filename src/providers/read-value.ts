const MAX_CHARACTERS = 1_024

/** What no database column or UTF-8 encoder takes as it is: NUL, and halves of surrogate pairs. */
const UNSTORABLE = /\0|\p{Surrogate}/gu
const PERHAPS_UNSTORABLE = /[\0\ud800-\udfff]/

/** From here on a number counts milliseconds; below it, seconds. */
const FIRST_MILLISECONDS = 1e11
const END_OF_YEAR_9999 = 253_402_300_799_999

const NUMERIC = /^\d{1,15}(\.\d{1,9})?$/
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?:Z|([+-]\d\d):?(\d\d))?$/i

/** A text that is not empty, or undefined. */
export function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A number, given as number or as digits, or undefined. */
export function readNumber(value: unknown): number | undefined {
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** An object that is no array; anything else counts as an empty one. */
export function readObject(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {}
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Text of a provider, fit to be stored: at most 1,024 characters, anything unstorable replaced by
 * U+FFFD. Undefined for an empty text and for everything that is no text.
 */
export function cleanText(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  const short = value.length > MAX_CHARACTERS ? value.slice(0, MAX_CHARACTERS) : value
  return PERHAPS_UNSTORABLE.test(short) ? short.replace(UNSTORABLE, '\uFFFD') : short
}

/** An id as text to be shown and looked up; see `readIdentity` for the one that decides. */
export function readId(value: unknown): string | undefined {
  return cleanText(readIdentity(value))
}

/**
 * An id exactly as received, of any length; whole numbers are taken too, unless reading them has
 * already changed them.
 */
export function readIdentity(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

/**
 * A provider's time as milliseconds since 1970. Takes seconds, milliseconds, either as text, and
 * ISO 8601 (UTC where it names no offset). Undefined for anything else, for times up to 1970, which
 * only a mistake yields, and for times after the year 9999.
 */
export function readTime(value: unknown): number | undefined {
  if (typeof value === 'number') return toMilliseconds(value)
  if (typeof value !== 'string' || value.length > 40) return undefined
  return NUMERIC.test(value) ? toMilliseconds(Number(value)) : readIsoText(value)
}

function toMilliseconds(value: number): number | undefined {
  return withinRange(Math.round(value < FIRST_MILLISECONDS ? value * 1_000 : value))
}

function readIsoText(value: string): number | undefined {
  const parts = ISO.exec(value)
  if (parts === null) return undefined
  const [, day, time, hours, minutes] = parts
  return withinRange(Date.parse(`${day}T${time}${hours ? `${hours}:${minutes}` : 'Z'}`))
}

function withinRange(timeMs: number): number | undefined {
  return timeMs > 0 && timeMs <= END_OF_YEAR_9999 ? timeMs : undefined
}

/*
 * Fields as providers send them. Null and right values pass; anything else counts as absent, because
 * one odd field must not cost the whole event.
 */

export function textField(value: unknown): string | null | undefined {
  return typeof value === 'string' || value === null ? value : undefined
}

/** Digits count as the number they spell. */
export function numberField(value: unknown): number | null | undefined {
  return value === null ? null : readNumber(value)
}

/** Becomes text. A number too large to have been read exactly counts as absent. */
export function idField(value: unknown): string | null | undefined {
  return value === null || value === '' ? value : readIdentity(value)
}

/** Any JSON object, kept as it is. */
export function objectField(value: unknown): Record<string, unknown> | null | undefined {
  return isObject(value) || value === null ? value : undefined
}

/** By the name of a field, what makes of it what its type promises. */
export type FieldReaders = Readonly<Record<string, (value: unknown) => unknown>>

/** What fields are when they are put right: any of them may be absent. */
export type Tidied<Readers extends FieldReaders> = {
  [Name in keyof Readers]?: ReturnType<Readers[Name]>
}

/** Puts these fields right, as far as they are there, and leaves all others; in an object of ours. */
export function tidyFields(
  object: Record<string, unknown>,
  fields: FieldReaders,
): Record<string, unknown> {
  for (const [name, read] of Object.entries(fields)) {
    if (Object.hasOwn(object, name)) object[name] = read(object[name])
  }
  return object
}

/** Taken at once: a handler's module may patch it. */
const { parse } = JSON

/** Fields in which a raw `+` is meant: form encoders that forget to escape it spoil addresses. */
const LITERAL_PLUS = new Set(['email', 'message_id'])

/**
 * The exact text of a stored event as an object. A JSON event begins with `{`; all else is the
 * legacy form, whose values are text. Throws a SyntaxError when the text is no longer what it was.
 */
export function parsePayload(text: string): Record<string, unknown> {
  // Plain on purpose: `__proto__` is an ordinary own key of the result, and may be a customer's.
  return text.startsWith('{') ? parse(text) : parseForm(text)
}

/** Of a repeated field the first counts. */
function parseForm(text: string): Record<string, unknown> {
  const fields = new Map<string, string>()
  for (const pair of text.trim().split('&')) {
    const middle = pair.includes('=') ? pair.indexOf('=') : pair.length
    const name = decode(pair.slice(0, middle).replaceAll('+', ' '))
    const value = pair.slice(middle + 1)
    if (name === '' || fields.has(name)) continue
    fields.set(name, decode(LITERAL_PLUS.has(name) ? value : value.replaceAll('+', ' ')))
  }
  return Object.fromEntries(fields)
}

/** Never throws, unlike decodeURIComponent: a stray `%` stays, bytes that are no UTF-8 become U+FFFD. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString(),
  )
}
