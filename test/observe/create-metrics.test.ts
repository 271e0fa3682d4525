import { describe, expect, it } from 'vitest'
import type { ScrapeFigures } from '../../src/observe/create-metrics.ts'
import { createMetrics } from '../../src/observe/create-metrics.ts'
import { createObserver } from '../../src/observe/create-observer.ts'
import type { GuardianFigures } from '../../src/observe/figures.ts'
import { METRICS } from '../../src/observe/metric-list.ts'
import type { Observer } from '../../src/observe/observer.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { captureLog } from './captured-log.ts'

const NOTHING: ScrapeFigures = {
  store: undefined,
  spool: undefined,
  isReady: false,
  handlers: [],
  diskUsedRatio: undefined,
  guardian: undefined,
  causes: [],
}
const BATCH = { batch: 'b1', source: 'audit', bytes: 120_000, ackMs: 7, secretPosition: 1 }
const ATTEMPT = {
  handler: 'h',
  event: 'e1',
  batch: 'b1',
  type: 'open',
  attempt: 1,
  error: undefined,
}
const RECEIPT = {
  stored: 5,
  duplicates: 2,
  conflicts: 1,
  stale: 1,
  quarantined: 3,
  types: [
    { type: 'open', stored: 3, duplicates: 0, conflicts: 1, stale: 1 },
    { type: 'other', stored: 2, duplicates: 2, conflicts: 0, stale: 0 },
  ],
}

function observe() {
  const metrics = createMetrics({ version: '1.2.3' })
  onTestFinished(() => metrics.stop())
  const { log } = captureLog({ level: 'silent' })
  const observer = createObserver({
    log,
    now: () => 5_000,
    metrics: metrics.all,
    sources: ['audit'],
  })
  const read = async (figures: Partial<ScrapeFigures> = {}) =>
    (
      await metrics.render({
        ...NOTHING,
        handlers: Object.keys(observer.counts().handlers),
        ...figures,
      })
    ).split('\n')
  return { observer, read }
}

describe('the figures', () => {
  type Row = [what: string, happen: (observer: Observer) => void, lines: string[]]
  it.each<Row>([
    [
      'a batch',
      (it) => it.batchReceived(BATCH),
      [
        'webhook_requests_total{source="audit",outcome="received"} 1',
        'webhook_verified_total{source="audit",secret="1"} 1',
        'webhook_last_batch_timestamp_seconds{source="audit"} 5',
        'webhook_ack_seconds_bucket{le="0.005",source="audit"} 0',
        'webhook_ack_seconds_bucket{le="0.01",source="audit"} 1',
        'webhook_batch_bytes_sum{source="audit"} 120000',
      ],
    ],
    [
      'a refused request',
      (it) => it.requestRefused({ source: undefined, reason: 'unknown_source', status: 404 }),
      ['webhook_requests_total{source="unknown",outcome="unknown_source"} 1'],
    ],
    [
      'an unpacked batch',
      (it) => it.batchUnpacked({ batch: 'b1', source: 'audit', durationMs: 40, receipt: RECEIPT }),
      [
        'webhook_events_total{source="audit",type="open",outcome="stored"} 2',
        'webhook_events_total{source="audit",type="open",outcome="stale"} 1',
        'webhook_events_total{source="audit",type="open",outcome="conflict"} 1',
        'webhook_events_total{source="audit",type="other",outcome="duplicate"} 2',
        'webhook_quarantined_total{source="audit"} 3',
        'webhook_batch_events_sum{source="audit"} 11',
        'webhook_unpack_seconds_sum{source="audit"} 0.04',
      ],
    ],
    [
      'a failed unpacking',
      (it) => it.unpackFailed({ batch: 'b1', error: 'x' }),
      ['webhook_unpack_failures_total 1'],
    ],
    [
      'an attempt',
      (it) => it.attemptEnded({ ...ATTEMPT, outcome: 'retry', durationMs: 20, error: 'x' }),
      [
        'webhook_attempt_seconds_count{handler="h",outcome="retry"} 1',
        'webhook_attempt_seconds_sum{handler="h",outcome="retry"} 0.02',
      ],
    ],
    [
      'attempts that have succeeded',
      (it) => it.runProgressed({ handler: 'h', batch: 'b1', done: 3, durationsMs: [10, 20, 30] }),
      [
        'webhook_attempt_seconds_count{handler="h",outcome="done"} 3',
        'webhook_attempt_seconds_sum{handler="h",outcome="done"} 0.06',
      ],
    ],
    [
      'an attempt that may have ended its process',
      (it) => it.attemptEnded({ ...ATTEMPT, outcome: 'alone', durationMs: 0 }),
      ['webhook_released_total{handler="h"} 1'],
    ],
    [
      'a handler’s start',
      (it) => it.handlerStarted({ handler: 'h', pid: 7 }),
      ['webhook_handler_running{handler="h"} 1'],
    ],
    [
      'a handler’s crash',
      (it) => {
        it.handlerStarted({ handler: 'h', pid: 7 })
        it.handlerEnded({ handler: 'h', pid: 7, reason: 'SIGSEGV', isPlanned: false })
      },
      [
        'webhook_handler_running{handler="h"} 0',
        'webhook_handler_restarts_total{handler="h",cause="failure"} 1',
      ],
    ],
    [
      'dropped lines',
      (it) => it.handlerOutputDropped({ handler: 'h', lines: 9 }),
      ['webhook_handler_dropped_lines_total{handler="h"} 9'],
    ],
    [
      'a durable commit',
      (it) => it.storeCommitted({ isDurable: true, durationMs: 4, syncMs: 3 }),
      [
        'webhook_store_commit_seconds_sum{durable="true"} 0.004',
        'webhook_store_sync_seconds_sum 0.003',
      ],
    ],
    [
      'another commit',
      (it) => it.storeCommitted({ isDurable: false, durationMs: 4, syncMs: 3 }),
      [
        'webhook_store_commit_seconds_sum{durable="false"} 0.004',
        'webhook_store_sync_seconds_count 0',
      ],
    ],
    [
      'a failing store',
      (it) => it.storeFailed({ code: 'store_full', detail: 'x' }),
      ['webhook_store_failures_total{code="store_full"} 1'],
    ],
    [
      'a store that is away',
      (it) => it.spoolBegan({ code: 'store_busy', detail: 'x' }),
      ['webhook_store_failures_total{code="store_busy"} 1'],
    ],
    [
      'a failing spool',
      (it) => it.spoolFailed({ code: 'store_full', detail: 'x' }),
      ['webhook_spool_failures_total{code="store_full"} 1'],
    ],
    [
      'pruning',
      (it) => it.pruned({ rows: 3 }),
      ['webhook_pruned_rows_total 3', 'webhook_prune_held_back 0'],
    ],
    [
      'pruning that is held back',
      (it) => it.pruneHeldBack({ reason: 'far_ahead', clock: 2, comparedWith: 1 }),
      ['webhook_prune_held_back 1'],
    ],
    [
      'pruning that was held back',
      (it) => {
        it.pruneHeldBack({ reason: 'far_ahead', clock: 2, comparedWith: 1 })
        it.pruned({ rows: 0 })
      },
      ['webhook_prune_held_back 0'],
    ],
    [
      'a transaction that is left open, the oldest alone',
      (it) => {
        for (const pid of [6, 7]) {
          it.transactionsSeen({
            oldestMs: 90_000,
            holder: { pid, application: 'etl of a@b.example' },
          })
        }
      },
      [
        'webhook_database_oldest_transaction_seconds{pid="7",application="etl of [e-mail]"} 90',
        expect.not.stringContaining('pid="6"'),
      ],
    ],
    [
      'a replay',
      (it) => it.replayed({ address: '127.0.0.1', filter: {}, jobs: 4 }),
      ['webhook_replayed_jobs_total 4'],
    ],
    [
      'a failed answer',
      (it) => it.adminFailed({ route: '/api/stats', error: new Error('x') }),
      ['webhook_admin_failures_total 1'],
    ],
  ])('tell of %s', async (_what, happen, lines) => {
    const { observer, read } = observe()
    happen(observer)
    expect(await read()).toEqual(expect.arrayContaining(lines))
  })

  it('count the processes of a handler, and forget one that was taken away', async () => {
    const { observer, read } = observe()
    const end = (pid: number | undefined, isPlanned: boolean) =>
      observer.handlerEnded({ handler: 'h', pid, reason: 'x', isPlanned })
    const count = async () =>
      (await read()).find((line) => line.startsWith('webhook_handler_running{'))?.split(' ')[1]
    observer.handlerStarted({ handler: 'h', pid: 1 })
    observer.handlerStarted({ handler: 'h', pid: 2 })
    end(undefined, false)
    expect(await count()).toBe('2')
    end(1, true)
    expect(await count()).toBe('1')
    end(2, false)
    expect(await count()).toBe('0')
    observer.handlerStarted({ handler: 'h', pid: 3 })
    observer.handlerForgotten({ handler: 'h' })
    expect(await count()).toBe('1')
    end(3, true)
    expect(await count()).toBeUndefined()
    end(undefined, false)
    observer.handlerForgotten({ handler: 'h' })
    expect(await count()).toBeUndefined()
  })

  it('begin at 0 for each source, so that the first of all is an increase', async () => {
    const { read } = observe()
    const lines = await read()
    expect(lines).toContain('webhook_requests_total{source="audit",outcome="received"} 0')
    expect(lines).toContain('webhook_quarantined_total{source="audit"} 0')
  })

  it('begin at 0 for each handler, so that its first dead jobs are an increase', async () => {
    const { observer, read } = observe()
    observer.handlerStarted({ handler: 'h', pid: 1 })
    const store = { batches: { received: 0, waiting: 0 }, jobs: {}, backlog: 0, oldestPendingMs: 0 }
    expect(await read({ store })).toContain('webhook_jobs{handler="h",state="dead"} 0')
    const busy = { ...store, jobs: { h: { pending: 1, done: 0, dead: 500 } } }
    expect(await read({ store: busy })).toContain('webhook_jobs{handler="h",state="dead"} 500')
    expect((await read()).filter((line) => line.startsWith('webhook_jobs{'))).toEqual([])
  })

  it('hold what is read for them, and leave out what could not be read', async () => {
    const { read } = observe()
    const store = {
      batches: { received: 9, waiting: 2 },
      jobs: { h: { pending: 3, done: 4, dead: 1 } },
      backlog: 5,
      oldestPendingMs: 2_500,
    }
    const spool = { waiting: 7, refused: 1, spooled: 20, drained: 13 }
    const full = await read({ ...NOTHING, store, spool, isReady: true, diskUsedRatio: 0.5 })
    expect(full).toEqual(
      expect.arrayContaining([
        'webhook_store_up 1',
        'webhook_ready 1',
        'webhook_backlog 5',
        'webhook_waiting_batches 2',
        'webhook_oldest_pending_seconds 2.5',
        'webhook_jobs{handler="h",state="pending"} 3',
        'webhook_jobs{handler="h",state="dead"} 1',
        'webhook_data_disk_used_ratio 0.5',
        'webhook_spool_batches 7',
        'webhook_spool_refused_batches 1',
        'webhook_spool_kept_total 20',
        'webhook_spool_drained_total 13',
        'webhook_build_info{version="1.2.3"} 1',
      ]),
    )
    const empty = await read()
    expect(empty).toEqual(expect.arrayContaining(['webhook_store_up 0', 'webhook_ready 0']))
    const gone = /^webhook_(backlog|waiting|oldest|jobs|data_disk|spool_batches|spool_refused)/
    expect(empty.filter((line) => gone.test(line))).toEqual([])
  })

  it('tell what a person is needed for, and that it is over, but not what nobody knows', async () => {
    const { read } = observe()
    const told = async (causes: readonly string[] | undefined) =>
      (await read({ causes })).filter((line) => line.startsWith('webhook_cause{'))
    const ofDead = (n: number) => `webhook_cause{cause="jobs_dead",of="crm"} ${n}`
    const notReady = (n: number) => `webhook_cause{cause="not_ready",of=""} ${n}`

    expect(await told([])).toEqual([])
    expect(await told(['jobs_dead:crm'])).toEqual([ofDead(1)])
    expect(await told(['not_ready'])).toEqual([ofDead(0), notReady(1)])
    expect(await told(undefined)).toEqual([])
    expect(await told([])).toEqual([ofDead(0), notReady(0)])
  })

  it('tell what the guardian knows, once it has seen anything', async () => {
    const { read } = observe()
    const guardian: GuardianFigures = {
      startedAt: 0,
      tokenExpiresAt: undefined,
      lookedAt: 1,
      failure: undefined,
      webhooks: [
        { id: 1, source: 's', isPaused: true, differences: [] },
        { id: 2, source: 's', isPaused: false, differences: ['x'] },
      ],
      problems: [
        { webhook: 1, source: 's', text: 'x' },
        { webhook: 2, source: 's', text: 'x' },
      ],
      resumed: 3,
      outage: { beganAt: 1, durationMs: 1, retriesUsed: 7, retriesLimit: 40 },
      lastOutage: undefined,
    }
    const seen = await read({ ...NOTHING, guardian })
    expect(seen).toEqual(
      expect.arrayContaining([
        'webhook_guardian_up 1',
        'webhook_guardian_webhooks{state="paused"} 1',
        'webhook_guardian_webhooks{state="active"} 1',
        'webhook_guardian_problems 2',
        'webhook_guardian_resumed_total 3',
        'webhook_outage_retries 7',
      ]),
    )
    const blind = await read({ ...NOTHING, guardian: { ...guardian, lookedAt: undefined } })
    expect(blind).toContain('webhook_guardian_up 0')
    const known = /^webhook_(guardian_(up|webhooks|problems)|outage)/
    expect((await read()).filter((line) => known.test(line))).toEqual([])
  })

  it('watch the process', async () => {
    const { read } = observe()
    const figureOf = (lines: readonly string[], name: string) =>
      Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1])
    await expect
      .poll(async () => figureOf(await read(), 'webhook_event_loop_lag_seconds_count'))
      .toBeGreaterThan(0)
    const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6
    const usedBefore = cpuSeconds()
    const lines = await read()
    const used = figureOf(lines, 'webhook_process_cpu_seconds_total')
    expect(used).toBeGreaterThan(usedBefore - 0.5)
    expect(used).toBeLessThan(cpuSeconds() + 0.5)
    expect(figureOf(lines, 'webhook_process_resident_memory_bytes')).toBeGreaterThan(1e7)
    expect(figureOf(lines, 'webhook_process_heap_bytes')).toBeGreaterThan(1e6)
    const startedAt = figureOf(lines, 'webhook_process_start_time_seconds')
    // Two clocks, read one after the other.
    expect(Math.abs(Date.now() / 1_000 - startedAt - process.uptime())).toBeLessThan(5)
  })

  it('are the listed ones, and no other', async () => {
    const { read } = observe()
    const types = (await read()).flatMap(
      (line) => /^# TYPE (\S+) (\S+)$/.exec(line)?.slice(1) ?? [],
    )
    const listed = Object.values(METRICS).flatMap(({ name, type }) => [name, type])
    expect(types.sort()).toEqual(listed.sort())
  })
})
