import { z } from 'zod'
import { EVENT_STATES, HANDLER_NAME, type JobState } from '../../model.ts'
import { SPAN_NAMES } from '../series-spans.ts'
import { parseInstant } from './parse-instant.ts'
import { isRowId } from './row-id.ts'

const MAX_LIMIT = 500
const MAX_TEXT_LENGTH = 1_000

/** Jobs of pending events run anyway. */
const REPLAYED_STATES = EVENT_STATES.filter((state) => state !== 'pending')

const JOB_STATES = ['pending', 'done', 'dead'] as const satisfies readonly JobState[]

const text = z
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

/** The id of a row, or of an event with the name of a handler. */
const rowCursor = z
  .string(CURSOR_PROBLEM)
  .refine(isRowId, CURSOR_PROBLEM)
  .describe('Of the page before.')
const jobCursor = z
  .string(CURSOR_PROBLEM)
  .refine(isJobName, CURSOR_PROBLEM)
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

const oneOf = <const Name extends string>(names: readonly Name[]) =>
  z.enum(names, { error: `must be one of ${names.join(', ')}` })

const span = {
  from: instant.describe('Received at or after: ISO text, or time since 1970.').exactOptional(),
  to: instant.describe('Received before: likewise.').exactOptional(),
}
const page = { limit: limit.exactOptional(), cursor: rowCursor.exactOptional() }

const isSpan = ({ from, to }: { from?: number; to?: number }) =>
  from === undefined || to === undefined || from < to
const SPAN_PROBLEM = { path: ['from'], error: 'must be earlier than to' }

/** `<event>.<handler>`; names of handlers may hold dots. */
function isJobName(text: string): boolean {
  const [event = '', ...handler] = text.split('.')
  return isRowId(event) && HANDLER_NAME.test(handler.join('.'))
}

/** For routes that take none. */
export const NO_PARAMETERS = z.object({})

export const PAGE_PARAMETERS = z.object(page)

const eventFilter = {
  source: text.exactOptional(),
  type: text.exactOptional(),
  state: oneOf(EVENT_STATES).exactOptional(),
  recipient: text.describe('In any case.').exactOptional(),
  message_id: text.exactOptional(),
  event_id: text.exactOptional(),
  ...span,
}

export const EVENT_PARAMETERS = z.object({ ...eventFilter, ...page }).refine(isSpan, SPAN_PROBLEM)

/** The same events without paging: it goes on by itself. */
export const EXPORT_PARAMETERS = z.object(eventFilter).refine(isSpan, SPAN_PROBLEM)

export const SERIES_PARAMETERS = z.object({ span: oneOf(SPAN_NAMES).exactOptional() })

export const JOB_PARAMETERS = z.object({
  handler: text.exactOptional(),
  state: oneOf(JOB_STATES).exactOptional(),
  ...page,
  cursor: jobCursor.exactOptional(),
})

const QUOTED = /"(?:[^"\\]|\\.)*"/g
/** A part of an address that is more than what stands around addresses in texts. */
const ADDRESS_PART = /[^\s@"'<>()[\]:;,.\\]/

/**
 * Whatever a provider may have sent as an address can be erased; but no piece of one, which would
 * erase strangers, and no list nor name with an address behind it, of which nothing would be erased.
 */
function isAddress(text: string): boolean {
  if (/[,;]/.test(text.replaceAll(QUOTED, ''))) return false
  const at = text.lastIndexOf('@')
  const parts = [text.slice(0, Math.max(0, at)), text.slice(at + 1)]
  return parts.every((part) => ADDRESS_PART.test(part)) && !/\p{Cc}|>$/u.test(text)
}

const MAX_ADDRESS_LENGTH = 320

export const ERASE_PARAMETERS = z
  .object({
    recipient: z
      .string({ error: 'must be one e-mail address' })
      .trim()
      .max(MAX_ADDRESS_LENGTH, { error: 'must be an e-mail address', abort: true })
      .refine(isAddress, 'must be an e-mail address, such as user@example.com'),
  })
  .meta({ example: { recipient: 'user@example.com' } })

export const REPLAY_PARAMETERS = z
  .object({
    handler: text.exactOptional(),
    state: oneOf(REPLAYED_STATES).exactOptional(),
    type: text.exactOptional(),
    ...span,
    event: text.exactOptional(),
  })
  .refine(isSpan, SPAN_PROBLEM)
  .meta({ example: { state: 'dead' } })

/** The dead jobs of one handler, from the newest on; `error` as its failures are grouped. */
export const REPLAY_DEAD_PARAMETERS = z
  .object({
    error: text.exactOptional(),
    cursor: jobCursor.exactOptional(),
  })
  .meta({ example: { error: 'timeout after # ms' } })

const MAX_JOBS = 500
const JOB_NAMES = `must be a list of 1 to ${MAX_JOBS} jobs, each {"event":"<id>","handler":"<name>"}`
const jobName = z.strictObject({
  event: z.string().refine(isRowId),
  handler: z.string().regex(HANDLER_NAME),
})

export const REPLAY_JOBS_PARAMETERS = z
  .object({
    jobs: z
      .unknown()
      .refine((value) => z.array(jobName).min(1).max(MAX_JOBS).safeParse(value).success, JOB_NAMES)
      .transform((value) => value as z.output<typeof jobName>[]),
  })
  .meta({ example: { jobs: [{ event: '1', handler: 'crm' }] } })

export const LOGIN_PARAMETERS = z
  .object({
    password: z.string({ error: 'must be a text' }).max(MAX_TEXT_LENGTH, 'is too long'),
  })
  .meta({ example: { password: 'correct horse' } })
