import { checkKey } from '../handlers/event-keys.ts'
import { HANDLER_NAME, type Rate, type RedactRules, type Where } from '../model.ts'
import { quote, WrongValue } from './problems.ts'
import { timeWithin } from './quantities.ts'
import type { SecretReference } from './secrets.ts'

/** A text, number or switch of the file, as the environment would give it; a list with commas. */
export function readFileText(value: unknown): string {
  if (Array.isArray(value)) return value.map(readFileText).join(',')
  if (typeof value === 'string' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return String(value)
  throw new WrongValue(
    value === null || value === undefined ? 'is empty' : 'is neither a text nor a list of texts',
    'Give a value, or remove the line.',
  )
}

/**
 * A text, `{ env: NAME }` or `{ file: PATH }`. A number is refused: YAML has already rounded it,
 * or dropped its leading zeros.
 */
export function readFileSecret(value: unknown): SecretReference {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null) {
    const [[kind, name] = [], ...others] = Object.entries(value)
    if (others.length === 0 && typeof name === 'string') {
      if (kind === 'env') return { env: name }
      if (kind === 'file') return { file: name }
    }
  }
  throw new WrongValue(
    'is no secret',
    'Give { env: NAME }, { file: PATH }, or the text itself in quotes.',
  )
}

export function readFileSecrets(value: unknown): SecretReference[] {
  const list = Array.isArray(value) ? value : [value]
  if (list.length > 0) return list.map(readFileSecret)
  throw new WrongValue('is empty', 'Give at least one secret, newest first.')
}

type ReadFile<Value> = (value: unknown) => Value

/** What the environment would read as well. */
export function asText<Value>(read: (text: string) => Value): ReadFile<Value> {
  return (value) => read(readFileText(value))
}

/** Or `false`, for a source that does without what the others have. */
export function orFalse<Value>(read: ReadFile<Value>): ReadFile<Value | false> {
  return (value) => (value === false ? false : read(value))
}

/** Or an empty list. */
export function orNone<Value>(read: ReadFile<Value[]>): ReadFile<Value[]> {
  return (value) => (Array.isArray(value) && value.length === 0 ? [] : read(value))
}

/** `off`, which YAML may read as false, means: it may be silent for as long as it likes. */
export function readFileSilence(value: unknown): number {
  if (value === false || value === 'off') return Number.POSITIVE_INFINITY
  return asText(timeWithin('1m', '365d'))(value)
}

/** Jobs are kept under it. */
export function readFileHandlerName(value: unknown): string {
  const name = readFileText(value)
  if (HANDLER_NAME.test(name)) return name
  throw new WrongValue(
    `is ${quote(name)}, which is no name`,
    'Use lower case letters, digits, dots, dashes and underscores, at most 64, a letter or digit first.',
  )
}

/** What a handler takes: the keys that `defineHandler` knows. */
export function readFileEventKeys(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0) throw new WrongValue('is empty', 'Remove it to take all events.')
  return list.map((key) => {
    const problem = checkKey(typeof key === 'string' ? key : JSON.stringify(key))
    if (typeof key === 'string' && problem === undefined) return key
    throw new WrongValue('names what is no event', problem ?? 'Give names of events.')
  })
}

const WHERE_REMEDY = 'Write { category: [Orders, Invoices] }, with dots for fields within others.'

/** Fields of events, and the values of which they have to have one. */
export function readFileWhere(value: unknown): Where {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isRecord || Object.keys(value).length === 0) {
    throw new WrongValue('is no list of fields', WHERE_REMEDY)
  }
  const fields = Object.entries(value).map(([field, given]) => {
    const values: unknown[] = Array.isArray(given) ? given : [given]
    const isPlain = values.every((one) => ['string', 'number', 'boolean'].includes(typeof one))
    if (isPlain && values.length > 0) return [field, values.map(String)]
    throw new WrongValue(`has no text, number or switch for ${quote(field)}`, WHERE_REMEDY)
  })
  return Object.fromEntries(fields)
}

const RATE_UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const

/** `50/s`, `600/m`, `1000/h`. */
export function readFileRate(value: unknown): Rate {
  const text = readFileText(value)
  const [, count, unit] = /^(\d{1,6})\s*\/\s*(s|m|h)$/.exec(text.trim()) ?? []
  const attempts = Number(count)
  if (unit && attempts > 0) {
    return { attempts, perMs: RATE_UNITS_MS[unit as keyof typeof RATE_UNITS_MS] }
  }
  throw new WrongValue(
    `is ${quote(text)}, which is no rate`,
    'Give a whole number for each second, minute or hour, such as 50/s, 600/m or 1000/h.',
  )
}

export function readFileWord<Word extends string>(words: readonly Word[]): ReadFile<Word> {
  return (value) => {
    const word = words.find((known) => known === value)
    if (word) return word
    throw new WrongValue(
      value === undefined ? 'is missing' : `is ${quote(String(value))}, which is not known`,
      `Give one of ${words.join(', ')}.`,
    )
  }
}

const REDACT_REMEDY = 'Write { drop: [ip, user_agent], hash: [email] }, each a list of fields.'
const FIELD = /^[^.\s]+(\.[^.\s]+)*$/
/** Without these, nobody could tell what an event is. */
const NAME_FIELDS = ['event', 'type']

/** Rules of the file. */
export function readFileRedact(value: unknown): RedactRules {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WrongValue('is no list of rules', REDACT_REMEDY)
  }
  const { drop, hash, ...others } = value as Record<string, unknown>
  const [strange] = Object.keys(others)
  if (strange !== undefined)
    throw new WrongValue(`has ${quote(strange)}, which is no rule`, REDACT_REMEDY)
  const rules = { drop: readFields(drop), hash: readFields(hash) }
  const both = rules.drop.find((field) => rules.hash.includes(field))
  if (both !== undefined) {
    throw new WrongValue(`both drops and hashes ${quote(both)}`, 'Leave it in one of them.')
  }
  if (rules.drop.length + rules.hash.length === 0) throw new WrongValue('is empty', REDACT_REMEDY)
  return rules
}

function readFields(value: unknown = []): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  return list.map((field) => {
    if (typeof field !== 'string' || !FIELD.test(field)) {
      throw new WrongValue(
        `has ${quote(String(field))}, which is no field`,
        'Name fields as they stand in the events, with dots for those within others: user.ip.',
      )
    }
    if (NAME_FIELDS.includes(field)) {
      throw new WrongValue(
        `has ${quote(field)}, which names the event`,
        'Leave it out: without it no handler could be found.',
      )
    }
    return field
  })
}
