import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Counter, type Gauge, Registry } from 'prom-client'
import { shareAnswer } from '../share-answer.ts'
import type { SpoolStats, StoreStats } from '../store/store.ts'
import { within } from '../timers.ts'
import type { GuardianFigures } from './figures.ts'
import { type MetricSet, makeMetrics } from './metric-list.ts'

export type Metrics = ReturnType<typeof createMetrics>

/** The figures for Prometheus. */
export function createMetrics({ version }: { version: string }) {
  const registry = new Registry()
  const all = makeMetrics(registry)
  const setFigures = createScrapeGauges(all)
  const process = watchProcess(all)
  all.build_info.set({ version }, 1)
  return {
    /** With which facts count. */
    all,
    /** The answer of `GET /metrics`: what was counted, and what was read for it. */
    render(figures: ScrapeFigures): Promise<string> {
      setFigures(figures)
      process.read()
      return registry.metrics()
    },
    contentType: registry.contentType,
    stop: process.stop,
  }
}

type SpoolCounts = Pick<SpoolStats, 'waiting' | 'refused' | 'spooled' | 'drained'>

/** What is read for one answer. */
export interface ScrapeFigures {
  /** Undefined: the store did not answer in time. */
  readonly store: Pick<StoreStats, 'batches' | 'jobs' | 'backlog' | 'oldestPendingMs'> | undefined
  /** Undefined: there is no spool. */
  readonly spool: SpoolCounts | undefined
  readonly isReady: boolean
  /** What a person is needed for at this moment, such as `jobs_dead:crm`; undefined: nobody knows. */
  readonly causes: readonly string[] | undefined
  /** Names of those that run here, whether they have had a job or not. */
  readonly handlers: readonly string[]
  /** Undefined: it could not be read in time. */
  readonly diskUsedRatio: number | undefined
  /** Undefined: nobody watches our webhooks at the provider. */
  readonly guardian: GuardianFigures | undefined
}

/** Figures of the moment. One that is not known is left out, so that no graph shows an old one. */
function createScrapeGauges(metrics: MetricSet) {
  const setCauses = createCauseGauge(metrics)

  function setStore(store: ScrapeFigures['store'], handlers: readonly string[]): void {
    metrics.store_up.set(store ? 1 : 0)
    setOrRemove(metrics.backlog, store?.backlog)
    setOrRemove(metrics.waiting_batches, store?.batches.waiting)
    setOrRemove(metrics.oldest_pending_seconds, store && store.oldestPendingMs / 1_000)
    metrics.jobs.reset()
    // From 0 on, or the first dead jobs of a handler would not count as an increase.
    for (const handler of store ? handlers : []) setJobs(handler, { pending: 0, dead: 0 })
    for (const [handler, counts] of Object.entries(store?.jobs ?? {})) setJobs(handler, counts)
  }

  function setJobs(handler: string, { pending, dead }: { pending: number; dead: number }): void {
    metrics.jobs.set({ handler, state: 'pending' }, pending)
    metrics.jobs.set({ handler, state: 'dead' }, dead)
  }

  function setSpool(spool: SpoolCounts | undefined): void {
    setOrRemove(metrics.spool_batches, spool?.waiting)
    setOrRemove(metrics.spool_refused_batches, spool?.refused)
    setCounter(metrics.spool_kept_total, spool?.spooled ?? 0)
    setCounter(metrics.spool_drained_total, spool?.drained ?? 0)
  }

  return ({ store, spool, isReady, handlers, diskUsedRatio, guardian, causes }: ScrapeFigures) => {
    setStore(store, handlers)
    setCauses(causes)
    setGuardian(metrics, guardian)
    setSpool(spool)
    setOrRemove(metrics.data_disk_used_ratio, diskUsedRatio)
    metrics.ready.set(isReady ? 1 : 0)
  }
}

/** What is over is 0 until the process ends: a graph shows when it was. Names are of our own settings. */
function createCauseGauge({ cause: one }: Pick<MetricSet, 'cause'>) {
  const seen = new Set<string>()

  return (causes: readonly string[] | undefined): void => {
    one.reset()
    if (!causes) return
    for (const cause of causes) seen.add(cause)
    for (const name of seen) {
      const [cause = '', ...of] = name.split(':')
      one.set({ cause, of: of.join(':') }, causes.includes(name) ? 1 : 0)
    }
  }
}

function setGuardian(metrics: MetricSet, guardian: GuardianFigures | undefined): void {
  const seen = guardian?.lookedAt === undefined ? undefined : guardian
  setOrRemove(metrics.guardian_up, guardian && (seen && !guardian.failure ? 1 : 0))
  setOrRemove(metrics.guardian_problems, seen?.problems.length)
  setOrRemove(metrics.outage_retries, guardian && (guardian.outage?.retriesUsed ?? 0))
  setCounter(metrics.guardian_resumed_total, guardian?.resumed ?? 0)
  metrics.guardian_webhooks.reset()
  if (!seen) return
  const paused = seen.webhooks.filter(({ isPaused }) => isPaused).length
  metrics.guardian_webhooks.set({ state: 'paused' }, paused)
  metrics.guardian_webhooks.set({ state: 'active' }, seen.webhooks.length - paused)
}

/** One that is counted elsewhere. */
function setCounter(counter: Counter, value: number): void {
  counter.reset()
  counter.inc(value)
}

function setOrRemove(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove()
  else gauge.set(value)
}

/** How often the event loop is looked at, and how often the longest stall since is noted. */
const RESOLUTION_MS = 10
const NOTE_EVERY_MS = 1_000

/** What the process takes of its machine. Other threads have loops of their own, not seen here. */
function watchProcess(metrics: MetricSet) {
  metrics.process_start_time_seconds.set(Date.now() / 1_000 - process.uptime())

  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  const timer = setInterval(() => {
    // Without a look at the loop since the last time, there is nothing to tell.
    const stalledSeconds = Math.max(0, delays.max / 1e9 - RESOLUTION_MS / 1_000)
    if (delays.count > 0) metrics.event_loop_lag_seconds.observe(stalledSeconds)
    delays.reset()
  }, NOTE_EVERY_MS)
  timer.unref()

  return {
    read(): void {
      const { user, system } = process.cpuUsage()
      setCounter(metrics.process_cpu_seconds_total, (user + system) / 1e6)
      metrics.process_resident_memory_bytes.set(process.memoryUsage.rss())
      metrics.process_heap_bytes.set(process.memoryUsage().heapUsed)
    },
    stop(): void {
      clearInterval(timer)
      delays.disable()
    },
  }
}

/** Prometheus waits 10 s by default; an answer without the store's figures is better than none. */
const LIMIT_MS = 3_000

export interface MetricsReaderOptions {
  readonly metrics: Pick<Metrics, 'render'>
  readonly stats: () => Promise<StoreStats>
  /** Undefined: there is no spool. */
  readonly spool: (() => SpoolCounts) | undefined
  readonly isReady: () => boolean
  /** Names of those that run here. */
  readonly handlers: () => readonly string[]
  readonly diskUsedPercent: () => Promise<number>
  /** Undefined: nobody watches our webhooks at the provider. */
  readonly guardian: (() => GuardianFigures) | undefined
  /** What a person is needed for at this moment. */
  readonly verdict: () => Promise<{ readonly causes: readonly { readonly cause: string }[] }>
  /** Default 3 s. */
  readonly limitMs?: number
}

/**
 * Reads what is only known by asking, and answers all figures. Never waits longer than its limit;
 * a question to the store that takes longer is shared by the answers that follow.
 */
export function createMetricsReader(options: MetricsReaderOptions): () => Promise<string> {
  const { metrics, spool, guardian, isReady, handlers, limitMs = LIMIT_MS } = options
  const stats = shareAnswer(options.stats)
  const diskUsedPercent = shareAnswer(options.diskUsedPercent)

  return async () => {
    const [store, usedPercent, verdict] = await Promise.all([
      within(limitMs, stats()).catch(() => undefined),
      within(limitMs, diskUsedPercent()).catch(() => undefined),
      within(limitMs, options.verdict()).catch(() => undefined),
    ])
    const diskUsedRatio = usedPercent === undefined ? undefined : usedPercent / 100
    const figures = { store, spool: spool?.(), isReady: isReady(), guardian: guardian?.() }
    const causes = verdict?.causes.map(({ cause }) => cause)
    return metrics.render({ ...figures, handlers: handlers(), diskUsedRatio, causes })
  }
}
