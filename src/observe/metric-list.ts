/** What a figure is called and how it is kept. */
export interface MetricPlan<Label extends string = string> {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly Label[]
  /** Of a histogram: upper bounds, in the unit of the name. */
  readonly buckets?: readonly number[]
}

const planOf =
  (type: MetricPlan['type'], buckets?: readonly number[]) =>
  <const Label extends string = never>(
    name: string,
    help: string,
    labels: readonly Label[] = [],
  ): MetricPlan<Label> => ({ name, help, type, labels, ...(buckets && { buckets }) })

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
 * Every figure of `GET /metrics`. Labels come from our own configuration and closed lists alone, so
 * that no sender can make their number grow.
 */
export const METRICS = {
  requests: counter('webhook_requests_total', 'requests: received, or why they were refused', [
    'source',
    'outcome',
  ]),
  ackTime: answerTime('webhook_ack_seconds', 'from the first byte of a request to its 200', [
    'source',
  ]),
  lastBatch: gauge('webhook_last_batch_timestamp_seconds', 'when the last batch was received', [
    'source',
  ]),
  verified: counter(
    'webhook_verified_total',
    'batches by the secret that fitted; 0 is the newest',
    ['source', 'secret'],
  ),
  batchBytes: bytes('webhook_batch_bytes', 'size of a batch', ['source']),
  batchEvents: events('webhook_batch_events', 'pieces of a batch', ['source']),
  events: counter('webhook_events_total', 'events by what came of them; rare types together', [
    'source',
    'type',
    'outcome',
  ]),
  quarantined: counter('webhook_quarantined_total', 'pieces that could not be read', ['source']),
  unpackTime: answerTime('webhook_unpack_seconds', 'from taking a batch to its last event stored', [
    'source',
  ]),
  unpackFailures: counter('webhook_unpack_failures_total', 'batches that have to be tried again'),
  attemptTime: attemptTime('webhook_attempt_seconds', 'attempts: done, retry or dead', [
    'handler',
    'outcome',
  ]),
  released: counter(
    'webhook_released_total',
    'attempts not counted, as they and others were under way when their process ended',
    ['handler'],
  ),
  jobs: gauge('webhook_jobs', 'jobs in the store: pending or dead', ['handler', 'state']),
  backlog: gauge('webhook_backlog', 'jobs pending and batches waiting'),
  waitingBatches: gauge('webhook_waiting_batches', 'batches to be unpacked'),
  oldestPending: gauge('webhook_oldest_pending_seconds', 'age of the oldest of the backlog'),
  handlerRunning: gauge('webhook_handler_running', 'its processes; 2 while one replaces another', [
    'handler',
  ]),
  handlerRestarts: counter(
    'webhook_handler_restarts_total',
    'processes that ended; each gets a successor',
    ['handler', 'cause'],
  ),
  droppedLines: counter(
    'webhook_handler_dropped_lines_total',
    'log lines beyond what a handler may write',
    ['handler'],
  ),
  cause: gauge('webhook_cause', '1 while a person is needed for it, as stats says; then 0', [
    'cause',
    'of',
  ]),
  ready: gauge('webhook_ready', '1 while a batch could be kept, in the store or the spool'),
  storeUp: gauge('webhook_store_up', '1 when the store gave its figures for this answer'),
  storeFailures: counter('webhook_store_failures_total', 'times that the store began to fail', [
    'code',
  ]),
  commitTime: diskTime(
    'webhook_store_commit_seconds',
    'transactions; durable ones wait for the disk',
    ['durable'],
  ),
  syncTime: diskTime('webhook_store_sync_seconds', 'the part of a durable transaction that syncs'),
  spooled: gauge('webhook_spool_batches', 'batches that wait in the spool'),
  spoolRefused: gauge('webhook_spool_refused_batches', 'of these, refused by the store for good'),
  spoolKept: counter('webhook_spool_kept_total', 'batches that went to the spool'),
  spoolDrained: counter('webhook_spool_drained_total', 'batches that followed into the store'),
  spoolFailures: counter('webhook_spool_failures_total', 'times that the spool began to fail', [
    'code',
  ]),
  diskUsed: gauge('webhook_data_disk_used_ratio', 'how full the disk of the data directory is'),
  heldBack: gauge(
    'webhook_prune_held_back',
    '1 while nothing is forgotten by age, as the clock may be wrong',
  ),
  oldestTransaction: gauge(
    'webhook_database_oldest_transaction_seconds',
    'of anybody in the database; over a minute with whose it is',
    ['pid', 'application'],
  ),
  pruned: counter('webhook_pruned_rows_total', 'rows forgotten by age'),
  replayed: counter('webhook_replayed_jobs_total', 'jobs made pending again by a person'),
  discarded: counter('webhook_discarded_jobs_total', 'dead jobs that a person settled for good'),
  guardianUp: gauge('webhook_guardian_up', '1 when the provider answered the last look'),
  guardedWebhooks: gauge('webhook_guardian_webhooks', 'our webhooks at the provider', ['state']),
  guardianProblems: gauge('webhook_guardian_problems', 'what is wrong with them, paused included'),
  guardianResumed: counter('webhook_guardian_resumed_total', 'paused webhooks that were resumed'),
  outageRetries: gauge(
    'webhook_outage_retries',
    'of the provider, in the outage under way; after 40 it pauses',
  ),
  adminFailures: counter(
    'webhook_admin_failures_total',
    'answers of the admin listener with 500 or 503',
  ),
  loopLag: diskTime(
    'webhook_event_loop_lag_seconds',
    'longest stall of the thread that answers, each second',
  ),
  cpu: counter(
    'webhook_process_cpu_seconds_total',
    'processor time, all threads, without handlers',
  ),
  memory: gauge('webhook_process_resident_memory_bytes', 'memory, all threads, without handlers'),
  heap: gauge('webhook_process_heap_bytes', 'heap in use of the thread that answers'),
  startTime: gauge('webhook_process_start_time_seconds', 'when the process started'),
  build: gauge('webhook_build_info', 'always 1', ['version']),
} as const satisfies Record<string, MetricPlan>
