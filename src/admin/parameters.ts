import * as z from 'zod'
import { HANDLER_NAME } from '../model.ts'
import { findNearestWord } from '../nearest-word.ts'
import { invalidParameters, Refusal } from './answer-errors.ts'

const MAX_LIMIT = 500
export const MAX_TEXT_LENGTH = 1_000

/** For routes that take none. */
export const NO_PARAMETERS = z.object({})

export const text = z
  .string({
    error: ({ input }) =>
      typeof input === 'number'
        ? `must be a text, such as "${input}"`
        : 'must be one text, given once',
  })
  .min(1, 'must not be empty: leave it out instead')
  .max(MAX_TEXT_LENGTH, `must be at most ${MAX_TEXT_LENGTH} characters long`)
  // PostgreSQL keeps none, so nothing is found with one.
  .refine((value) => !value.includes('\0'), 'must not hold a NUL')

const limit = z
  .string({ error: 'must be given once' })
  .regex(/^[1-9]\d{0,2}$/, { error: `must be a whole number from 1 to ${MAX_LIMIT}`, abort: true })
  .transform(Number)
  .refine((value) => value >= 1 && value <= MAX_LIMIT, {
    error: `must be a whole number from 1 to ${MAX_LIMIT}`,
  })
  .describe(`Rows of a page: 1 to ${MAX_LIMIT}, by default 50.`)

const CURSOR_PROBLEM = 'must be what the page before gave as its cursor, unchanged'
const rowCursor = z
  .string(CURSOR_PROBLEM)
  .refine(isRowId, CURSOR_PROBLEM)
  .describe('Of the page before.')

/** `<event>.<handler>`; names of handlers may hold dots. */
export const jobCursor = z
  .string(CURSOR_PROBLEM)
  .refine((name) => {
    const [event = '', ...handler] = name.split('.')
    return isRowId(event) && HANDLER_NAME.test(handler.join('.'))
  }, CURSOR_PROBLEM)
  .describe('Of the page before.')

const instant = z
  .union([z.string(), z.number()], { error: 'must be one time, given once' })
  .transform((value, context) => {
    const parsed = parseInstant(value)
    if (parsed !== undefined) return parsed
    context.addIssue(
      'must be ISO text such as 2026-11-21T09:30:00Z, or seconds or milliseconds since 1970',
    )
    return z.NEVER
  })

export const oneOf = <const Name extends string>(names: readonly Name[]) =>
  z.enum(names, { error: `must be one of ${names.join(', ')}` })

/** When something was received; a schema that has it is refined by `isSpan`. */
export const span = {
  from: instant.describe('Received at or after: ISO text, or time since 1970.').exactOptional(),
  to: instant.describe('Received before: likewise.').exactOptional(),
}
export const SPAN_PROBLEM = { path: ['from'], error: 'must be earlier than to' }

export function isSpan({ from, to }: { from?: number; to?: number }): boolean {
  return from === undefined || to === undefined || from < to
}

export const page = { limit: limit.exactOptional(), cursor: rowCursor.exactOptional() }
export const PAGE_PARAMETERS = z.object(page)

const ROW_ID = /^[1-9]\d{0,14}$/

/**
 * Whether a text can be the id of a row here: decimal digits alone, as the lists show it. Stores
 * read ids as numbers, for which `1e0` and ` 01` would be 1 as well.
 */
export function isRowId(id: string): boolean {
  return ROW_ID.test(id)
}

const QUOTED = /"(?:[^"\\]|\\.)*"/g
/** A part of an address that is more than what stands around addresses in texts. */
const ADDRESS_PART = /[^\s@"'<>()[\]:;,.\\]/

/**
 * Whatever a provider may have sent as an address can be erased; but no piece of one, which would
 * erase strangers, and no list nor name with an address behind it, of which nothing would be erased.
 */
function isAddress(given: string): boolean {
  if (/[,;]/.test(given.replaceAll(QUOTED, ''))) return false
  const at = given.lastIndexOf('@')
  const parts = [given.slice(0, Math.max(0, at)), given.slice(at + 1)]
  return parts.every((part) => ADDRESS_PART.test(part)) && !/\p{Cc}|>$/u.test(given)
}

const MAX_ADDRESS_LENGTH = 320

/** As many as a webhook brings in one batch. */
const MAX_FILLED = 500

export const BACKFILL_PARAMETERS = z
  .object({
    from: instant,
    to: instant,
    source: text.exactOptional(),
    dry_run: z.boolean().exactOptional(),
    events: z
      .array(z.record(z.string(), z.unknown()), { error: 'must be a list of events' })
      .max(MAX_FILLED, { error: `must be ${MAX_FILLED} at the most` }),
  })
  .refine(isSpan, SPAN_PROBLEM)
  .meta({
    example: {
      from: '2026-11-21T02:00:00Z',
      to: '2026-11-21T09:30:00Z',
      events: [{ event: 'open', message_id: 'm-1', timestamp: 1_795_228_200 }],
    },
  })

export const ERASE_PARAMETERS = z
  .object({
    recipient: z
      .string({ error: 'must be one e-mail address' })
      .trim()
      .max(MAX_ADDRESS_LENGTH, { error: 'must be an e-mail address', abort: true })
      .refine(isAddress, 'must be an e-mail address, such as user@example.com'),
  })
  .meta({ example: { recipient: 'user@example.com' } })

const CALENDAR_DATE = z.iso.date()
const ISO_TEXT =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(?<zone>Z|[+\- ]\d{2}:?\d{2})?)?$/i

/** Shorter ones, such as 2026 or 20261121, are dates gone wrong rather than a day in 1970. */
const NUMERIC_TEXT = /^(0|\d{9,15})(\.\d{1,9})?$/

/** Numbers below are seconds (until the year 5138), from here on milliseconds (since 1973). */
const FIRST_MILLISECONDS = 1e11
const LAST_INSTANT = Date.UTC(9999, 11, 31)

/**
 * Reads ISO text, or seconds or milliseconds since 1970, into milliseconds; undefined when it is
 * neither. Without a zone the text is UTC, wherever this machine stands.
 */
export function parseInstant(value: string | number): number | undefined {
  const given = String(value)
  const parsed = NUMERIC_TEXT.test(given) ? fromNumber(Number(given)) : fromIsoText(given)
  return parsed >= 0 && parsed <= LAST_INSTANT ? parsed : undefined
}

function fromNumber(value: number): number {
  return Math.round(value < FIRST_MILLISECONDS ? value * 1_000 : value)
}

function fromIsoText(given: string): number {
  const { date, time = '00:00', zone = 'Z' } = ISO_TEXT.exec(given)?.groups ?? {}
  // `Date.parse` takes the 30th of February for the 1st or 2nd of March.
  if (!CALENDAR_DATE.safeParse(date).success) return Number.NaN
  // An unescaped plus sign in an address arrives as a space.
  const offset = zone.replace(' ', '+').toUpperCase()
  const withColon = offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset
  return Date.parse(`${date}T${time}${withColon}`)
}

/** Checks what a client gave against a schema; throws a Refusal with every problem. */
export function readParameters<Schema extends z.ZodObject>(
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const example = schema.meta()?.['example'] ?? {}
    throw invalidParameters(`The body must be a JSON object, such as ${JSON.stringify(example)}.`)
  }
  const given = new Map<string, unknown>(Object.entries(input))
  const allowed = Object.keys(schema.shape)
  const unknown = [...given.keys()].filter((name) => !allowed.includes(name))
  const parsed = schema.safeParse(input)
  const problems = [
    ...unknown.map((name) => explainUnknown(name, allowed)),
    ...(parsed.error?.issues ?? []).map((issue) => explainIssue(issue, given)),
  ]
  if (!parsed.success || problems.length > 0) {
    const isCursor = problems.length === 1 && parsed.error?.issues[0]?.path[0] === 'cursor'
    if (!isCursor) throw invalidParameters(...problems)
    // Nothing but the cursor is wrong: who asks begins again at the first page.
    throw new Refusal(400, 'invalid_cursor', problems.join(), problems)
  }
  return parsed.data
}

function explainUnknown(name: string, allowed: readonly string[]): string {
  const nearest = findNearestWord(name, allowed)
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  const list = allowed.length === 0 ? 'None is allowed here.' : `Allowed are ${allowed.join(', ')}.`
  return `There is no parameter ${quote(name)}.${hint} ${list}`
}

/** The schemas' own texts say what a value must be; name and value are added, but no password. */
function explainIssue(issue: z.core.$ZodIssue, given: ReadonlyMap<string, unknown>): string {
  const name = String(issue.path[0] ?? 'The body')
  const value = name === 'password' ? undefined : given.get(name)
  const isShown = typeof value === 'number' || (typeof value === 'string' && value !== '')
  const shown = typeof value === 'string' ? quote(value) : String(value)
  return `${name} ${issue.message}${isShown ? `, not ${shown}` : ''}.`
}

const SHOWN_LENGTH = 40

function quote(given: string): string {
  return JSON.stringify(given.length > SHOWN_LENGTH ? `${given.slice(0, SHOWN_LENGTH)}…` : given)
}
