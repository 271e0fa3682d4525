import * as z from 'zod'
import { EVENT_STATES } from '../../model.ts'
import { REFUSAL_REASONS } from '../../observe/observer.ts'
import { JOB_COUNTS_JSON, TIME_JSON } from '../answer-parts.ts'

const COUNTS = z.record(z.string(), z.number())

const SPOOL_JSON = z.object({
  waiting: z.number().describe('Batches that wait to be moved to the store.'),
  refused: z.number().describe('Of these: kept, because the store refused them for what they are.'),
  waiting_since: TIME_JSON,
  bytes: z.number(),
  disk_used_percent: z.number(),
  spooled: z.number().describe('Since the process began; likewise those that follow.'),
  drained: z.number(),
  files_set_aside: z.number(),
})

const DATABASE_JSON = z.object({
  dead_rows: COUNTS.describe('By table: rows that vacuum has not removed yet.'),
  oldest_transaction_seconds: z.number().describe('Vacuum waits for it, whosever it is.'),
  oldest_transaction_by: z
    .object({ pid: z.number(), application: z.string() })
    .optional()
    .describe('By pg_stat_activity; pid 0: it was prepared, and belongs to no session.'),
  turned_off: z
    .array(z.string())
    .readonly()
    .describe('Settings of the server by which it may lose what it committed.'),
})

const OUTAGE_JSON = z
  .object({
    began_at: TIME_JSON,
    seconds: z.number(),
    retries_used: z
      .number()
      .describe('About so many times the provider has tried the same batch again.'),
    retries_limit: z.number().describe('After so many it pauses the webhook.'),
  })
  .nullable()

const GUARDIAN_JSON = z.object({
  looked_at: TIME_JSON.describe('When the provider answered last; null: not yet.'),
  failure: z.string().nullable().describe('Why the last look failed.'),
  webhooks: z.number(),
  paused: z.number(),
  differing: z.number(),
  problems: z.array(
    z.object({
      webhook: z.number().nullable(),
      source: z.string().nullable(),
      problem: z.string(),
    }),
  ),
  resumed: z.number(),
  token_expires_at: TIME_JSON.describe('Null: never, or the provider does not tell.'),
  outage: OUTAGE_JSON,
  last_outage: OUTAGE_JSON,
})

const CAUSE_JSON = z.object({
  cause: z.string().describe('What it is, and of what: jobs_dead:crm.'),
  since: TIME_JSON,
  text: z.string(),
  remedy: z.string().describe('What to do.'),
})
export type CauseJson = z.output<typeof CAUSE_JSON>

/** Every figure of the receiver, as the API shows it. */
export const STATS_JSON = z.object({
  version: z.string(),
  verdict: z
    .array(CAUSE_JSON)
    .describe('What a person is needed for, the most urgent first; empty: all is well.'),
  store: z.string().describe('Where it keeps everything, without a password.'),
  counting_since: TIME_JSON.describe(
    'Since when this process counts: received_by_source, refused.',
  ),
  counted_at: TIME_JSON.describe(
    'When the store counted: a long backlog is not counted anew each time.',
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
  jobs: z.record(z.string(), JOB_COUNTS_JSON),
  backlog: z.number().describe('Jobs pending and batches waiting.'),
  oldest_pending_seconds: z.number(),
  spool: SPOOL_JSON.nullable().describe('Null without one: it stands before a shared store.'),
  database: DATABASE_JSON.nullable().describe('Null where the store is a file.'),
  guardian: GUARDIAN_JSON.nullable().describe(
    'Our webhooks at the provider; null: nobody watches them.',
  ),
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

/** Of these, what the process knows by itself: there is an answer also while the store is away. */
export const PROCESS_JSON = STATS_JSON.pick({
  version: true,
  verdict: true,
  store: true,
  counting_since: true,
  spool: true,
  guardian: true,
}).extend({
  batches: STATS_JSON.shape.batches.pick({
    received_by_source: true,
    refused: true,
    refused_by_reason: true,
  }),
})

export type ProcessJson = z.output<typeof PROCESS_JSON>
