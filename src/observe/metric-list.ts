import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

type MetricType = 'counter' | 'gauge' | 'histogram'

/** How a figure is kept. */
interface MetricPlan<Type extends MetricType = MetricType, Label extends string = string> {
  readonly help: string
  readonly type: Type
  readonly labels: readonly Label[]
  /** Of a histogram: upper bounds, in the unit of the name. */
  readonly buckets?: readonly number[]
}

const planOf =
  <Type extends MetricType>(type: Type, buckets?: readonly number[]) =>
  <const Label extends string = never>(
    help: string,
    labels: readonly Label[] = [],
  ): MetricPlan<Type, Label> => ({ help, type, labels, ...(buckets && { buckets }) })

const counter = planOf('counter')
const gauge = planOf('gauge')
/** A provider waits 30 s; we answer within 10. */
const answerTime = planOf(
  'histogram',
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
)
/** A healthy disk syncs in less than 10 ms. */
const diskTime = planOf(
  'histogram',
  [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
)
/** By default an attempt may take 30 s. */
const attemptTime = planOf(
  'histogram',
  [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
)
const bytes = planOf('histogram', [1e3, 1e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 1e7])
/** Mailtrap sends up to 500 at once. */
const events = planOf('histogram', [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000])

/**
 * Every figure of `GET /metrics`, whose name has `webhook_` before it there. Labels come from our own
 * configuration and closed lists alone, so that no sender can make their number grow.
 */
const PLANS = {
  requests_total: counter('requests: received, or why they were refused', ['source', 'outcome']),
  ack_seconds: answerTime('from the first byte of a request to its 200', ['source']),
  last_batch_timestamp_seconds: gauge('when the last batch was received', ['source']),
  verified_total: counter('batches by the secret that fitted; 0 is the newest', [
    'source',
    'secret',
  ]),
  batch_bytes: bytes('size of a batch', ['source']),
  batch_events: events('pieces of a batch', ['source']),
  events_total: counter('events by what came of them; rare types together', [
    'source',
    'type',
    'outcome',
  ]),
  quarantined_total: counter('pieces that could not be read', ['source']),
  unpack_seconds: answerTime('from taking a batch to its last event stored', ['source']),
  unpack_failures_total: counter('batches that have to be tried again'),
  attempt_seconds: attemptTime('attempts: done, retry or dead', ['handler', 'outcome']),
  released_total: counter(
    'attempts not counted, as they and others were under way when their process ended',
    ['handler'],
  ),
  jobs: gauge('jobs in the store: pending or dead', ['handler', 'state']),
  backlog: gauge('jobs pending and batches waiting'),
  waiting_batches: gauge('batches to be unpacked'),
  oldest_pending_seconds: gauge('age of the oldest of the backlog'),
  handler_running: gauge('its processes; 2 while one replaces another', ['handler']),
  handler_restarts_total: counter('processes that ended; each gets a successor', [
    'handler',
    'cause',
  ]),
  handler_dropped_lines_total: counter('log lines beyond what a handler may write', ['handler']),
  cause: gauge('1 while a person is needed for it, as stats says; then 0', ['cause', 'of']),
  ready: gauge('1 while a batch could be kept, in the store or the spool'),
  store_up: gauge('1 when the store gave its figures for this answer'),
  store_failures_total: counter('times that the store began to fail', ['code']),
  store_commit_seconds: diskTime('transactions; durable ones wait for the disk', ['durable']),
  store_sync_seconds: diskTime('the part of a durable transaction that syncs'),
  spool_batches: gauge('batches that wait in the spool'),
  spool_refused_batches: gauge('of these, refused by the store for good'),
  spool_kept_total: counter('batches that went to the spool'),
  spool_drained_total: counter('batches that followed into the store'),
  spool_failures_total: counter('times that the spool began to fail', ['code']),
  data_disk_used_ratio: gauge('how full the disk of the data directory is'),
  prune_held_back: gauge('1 while nothing is forgotten by age, as the clock may be wrong'),
  database_oldest_transaction_seconds: gauge(
    'of anybody in the database; over a minute with whose it is',
    ['pid', 'application'],
  ),
  pruned_rows_total: counter('rows forgotten by age'),
  replayed_jobs_total: counter('jobs made pending again by a person'),
  discarded_jobs_total: counter('dead jobs that a person settled for good'),
  guardian_up: gauge('1 when the provider answered the last look'),
  guardian_webhooks: gauge('our webhooks at the provider', ['state']),
  guardian_problems: gauge('what is wrong with them, paused included'),
  guardian_resumed_total: counter('paused webhooks that were resumed'),
  outage_retries: gauge('of the provider, in the outage under way; after 40 it pauses'),
  admin_failures_total: counter('answers of the admin listener with 500 or 503'),
  event_loop_lag_seconds: diskTime('longest stall of the thread that answers, each second'),
  process_cpu_seconds_total: counter('processor time, all threads, without handlers'),
  process_resident_memory_bytes: gauge('memory, all threads, without handlers'),
  process_heap_bytes: gauge('heap in use of the thread that answers'),
  process_start_time_seconds: gauge('when the process started'),
  build_info: gauge('always 1', ['version']),
} as const satisfies Record<string, MetricPlan>

type Made<Plan> =
  Plan extends MetricPlan<'counter', infer Label>
    ? Counter<Label>
    : Plan extends MetricPlan<'gauge', infer Label>
      ? Gauge<Label>
      : Plan extends MetricPlan<'histogram', infer Label>
        ? Histogram<Label>
        : never

/** All of them, as they are asked for. */
export const METRICS = Object.entries<MetricPlan>(PLANS).map(([name, plan]) => ({
  name: `webhook_${name}`,
  ...plan,
}))

/** Every figure, as facts count with it. */
export type MetricSet = { readonly [Name in keyof typeof PLANS]: Made<(typeof PLANS)[Name]> }

const MAKERS = { counter: Counter, gauge: Gauge, histogram: Histogram }

/** Makes all of them, in one registry. */
export function makeMetrics(registry: Registry): MetricSet {
  const made = Object.entries<MetricPlan>(PLANS).map(([name, plan]) => {
    const { help, type, labels: labelNames, buckets = [] } = plan
    const options = { name: `webhook_${name}`, help, labelNames, registers: [registry] }
    return [name, new MAKERS[type]({ ...options, buckets: [...buckets] })]
  })
  return Object.fromEntries(made)
}
