import * as z from 'zod'
import type { Page, StoreStats } from '../store/store.ts'

/** A time in an answer. */
export const TIME_JSON = z.string().nullable().meta({ format: 'date-time' })

/** ISO text of milliseconds since 1970; null when absent or beyond what a date can hold. */
export function isoTime(instant: number | undefined): string | null {
  if (instant === undefined) return null
  const date = new Date(instant)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** What every page of a bounded search has beside its rows. */
export const PAGE_JSON = {
  cursor: z.string().nullable().describe('Asks for the next page; null on the last one.'),
  partial: z
    .literal(true)
    .optional()
    .describe(
      'Time was up: there may be fewer rows than asked for, even none. The cursor goes on.',
    ),
}

export function pageJson({ cursor, isPartial }: Omit<Page<unknown>, 'rows'>) {
  return { cursor: cursor ?? null, ...(isPartial ? { partial: true as const } : {}) }
}

/** The jobs of one handler by state. */
export const JOB_COUNTS_JSON = z.object({
  pending: z.number(),
  retrying: z.number().describe('Of the pending ones: those that were tried.'),
  done: z.number(),
  dead: z.number(),
  discarded: z.number(),
})

export function jobCountsJson(stats: Pick<StoreStats, 'jobs' | 'retrying'>, handler: string) {
  const { pending = 0, done = 0, dead = 0, discarded = 0 } = ownValue(stats.jobs, handler) ?? {}
  return { pending, retrying: ownValue(stats.retrying, handler) ?? 0, done, dead, discarded }
}

/** What a record holds under a name; a handler may be called `constructor`. */
export function ownValue<Value>(
  record: Readonly<Record<string, Value>>,
  name: string,
): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

type Defined<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> }

/** The fields that have a value; an absent one is left out rather than set to undefined. */
export function dropUndefined<Fields extends object>(fields: Fields): Defined<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Defined<Fields>
}
