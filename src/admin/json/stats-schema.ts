import { z } from 'zod'
import { EVENT_STATES } from '../../model.ts'
import { REFUSAL_REASONS } from '../../observe/observer.ts'
import { TIME_JSON } from './time-schema.ts'

const COUNTS = z.record(z.string(), z.number())

const HANDLER_JSON = z.object({
  running: z.boolean(),
  restarts: z.number(),
  last_problem: z.string().nullable(),
  module: z.string().nullable(),
  keys: z.array(z.string()).readonly().nullable(),
  takes_batches: z.boolean().nullable(),
})

/** Every figure of the receiver, as the API shows it. */
export const STATS_JSON = z.object({
  version: z.string(),
  counting_since: TIME_JSON.describe(
    'Since when this process counts: received_by_source, refused, handlers.',
  ),
  batches: z.object({
    received: z.number(),
    waiting: z.number().describe('Not unpacked yet.'),
    received_by_source: COUNTS,
    refused: z.number(),
    refused_by_reason: z.record(z.enum(REFUSAL_REASONS), z.number()),
  }),
  events: z.object({
    total: z.number(),
    by_state: z.record(z.enum(EVENT_STATES), z.number()),
    by_type: COUNTS,
  }),
  duplicates: z.number(),
  conflicts: z.number(),
  stale: z.number(),
  quarantined: z.number(),
  jobs: z.record(
    z.string(),
    z.object({ pending: z.number(), done: z.number(), dead: z.number() }).readonly(),
  ),
  handlers: z.record(z.string(), HANDLER_JSON),
  backlog: z.number().describe('Jobs pending and batches waiting.'),
  oldest_pending_seconds: z.number(),
  rates: z.object({
    events_per_second: z.number().nullable(),
    batches_per_second: z.number().nullable(),
    over_seconds: z
      .number()
      .nullable()
      .describe('The span that was measured; null as long as there was only one look.'),
  }),
})

export type StatsJson = z.output<typeof STATS_JSON>
