import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { shareAnswer } from '../share-answer.ts'
import type { SpoolStats, StoreStats } from '../store/store.ts'
import { within } from '../timers.ts'
import type { GuardianFigures } from './figures.ts'
import { METRICS, type MetricPlan } from './metric-list.ts'

/** The figures for Prometheus. */
export interface Metrics {
  /** With which facts count. */
  readonly maker: MetricMaker
  /** The answer of `GET /metrics`: what was counted, and what was read for it. */
  render(figures: ScrapeFigures): Promise<string>
  readonly contentType: string
  stop(): void
}

export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry()
  const maker = createMetricMaker(registry)
  const gauges = createScrapeGauges(maker)
  const process = watchProcess(maker)
  maker.gauge(METRICS.build).set({ version }, 1)
  return {
    maker,
    render(figures) {
      gauges.set(figures)
      process.read()
      return registry.metrics()
    },
    contentType: registry.contentType,
    stop: process.stop,
  }
}

/** Makes metrics of plans, in one registry. */
export function createMetricMaker(registry: Registry) {
  const describe = <Label extends string>({ name, help, labels }: MetricPlan<Label>) => ({
    name,
    help,
    labelNames: labels,
    registers: [registry],
  })
  return {
    counter: <Label extends string>(plan: MetricPlan<Label>) => new Counter(describe(plan)),
    gauge: <Label extends string>(plan: MetricPlan<Label>) => new Gauge(describe(plan)),
    histogram: <Label extends string>(plan: MetricPlan<Label>) =>
      new Histogram({ ...describe(plan), buckets: [...(plan.buckets ?? [])] }),
  }
}

export type MetricMaker = ReturnType<typeof createMetricMaker>

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
function createScrapeGauges(maker: MetricMaker) {
  const { counter, gauge } = maker
  const setGuardian = createGuardianGauges(maker)
  const jobs = gauge(METRICS.jobs)
  const backlog = gauge(METRICS.backlog)
  const waitingBatches = gauge(METRICS.waitingBatches)
  const oldestPending = gauge(METRICS.oldestPending)
  const storeUp = gauge(METRICS.storeUp)
  const ready = gauge(METRICS.ready)
  const setCauses = createCauseGauge(maker)
  const diskUsed = gauge(METRICS.diskUsed)
  const spooled = gauge(METRICS.spooled)
  const spoolRefused = gauge(METRICS.spoolRefused)
  const spoolKept = counter(METRICS.spoolKept)
  const spoolDrained = counter(METRICS.spoolDrained)

  function setStore(store: ScrapeFigures['store'], handlers: readonly string[]): void {
    storeUp.set(store ? 1 : 0)
    setOrRemove(backlog, store?.backlog)
    setOrRemove(waitingBatches, store?.batches.waiting)
    setOrRemove(oldestPending, store && store.oldestPendingMs / 1_000)
    jobs.reset()
    // From 0 on, or the first dead jobs of a handler would not count as an increase.
    for (const handler of store ? handlers : []) setJobs(handler, { pending: 0, dead: 0 })
    for (const [handler, counts] of Object.entries(store?.jobs ?? {})) setJobs(handler, counts)
  }

  function setJobs(handler: string, { pending, dead }: { pending: number; dead: number }): void {
    jobs.set({ handler, state: 'pending' }, pending)
    jobs.set({ handler, state: 'dead' }, dead)
  }

  function setSpool(spool: SpoolCounts | undefined): void {
    setOrRemove(spooled, spool?.waiting)
    setOrRemove(spoolRefused, spool?.refused)
    spoolKept.reset()
    spoolKept.inc(spool?.spooled ?? 0)
    spoolDrained.reset()
    spoolDrained.inc(spool?.drained ?? 0)
  }

  return {
    set(figures: ScrapeFigures): void {
      const { store, spool, isReady, handlers, diskUsedRatio, guardian, causes } = figures
      setStore(store, handlers)
      setCauses(causes)
      setGuardian(guardian)
      setSpool(spool)
      setOrRemove(diskUsed, diskUsedRatio)
      ready.set(isReady ? 1 : 0)
    },
  }
}

/** What is over is 0 until the process ends: a graph shows when it was. Names are of our own settings. */
function createCauseGauge({ gauge }: MetricMaker) {
  const one = gauge(METRICS.cause)
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

function createGuardianGauges({ counter, gauge }: MetricMaker) {
  const up = gauge(METRICS.guardianUp)
  const webhooks = gauge(METRICS.guardedWebhooks)
  const problems = gauge(METRICS.guardianProblems)
  const resumed = counter(METRICS.guardianResumed)
  const outageRetries = gauge(METRICS.outageRetries)

  return (guardian: GuardianFigures | undefined): void => {
    const seen = guardian?.lookedAt === undefined ? undefined : guardian
    setOrRemove(up, guardian && (seen && !guardian.failure ? 1 : 0))
    setOrRemove(problems, seen?.problems.length)
    setOrRemove(outageRetries, guardian && (guardian.outage?.retriesUsed ?? 0))
    resumed.reset()
    resumed.inc(guardian?.resumed ?? 0)
    webhooks.reset()
    if (!seen) return
    const paused = seen.webhooks.filter(({ isPaused }) => isPaused).length
    webhooks.set({ state: 'paused' }, paused)
    webhooks.set({ state: 'active' }, seen.webhooks.length - paused)
  }
}

function setOrRemove(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove()
  else gauge.set(value)
}

/** How often the event loop is looked at, and how often the longest stall since is noted. */
const RESOLUTION_MS = 10
const NOTE_EVERY_MS = 1_000

/** What the process takes of its machine. Other threads have loops of their own, not seen here. */
function watchProcess({ counter, gauge, histogram }: MetricMaker) {
  const cpu = counter(METRICS.cpu)
  const memory = gauge(METRICS.memory)
  const heap = gauge(METRICS.heap)
  const loopLag = histogram(METRICS.loopLag)
  gauge(METRICS.startTime).set(Date.now() / 1_000 - process.uptime())

  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  const timer = setInterval(() => {
    // Without a look at the loop since the last time, there is nothing to tell.
    if (delays.count > 0) loopLag.observe(Math.max(0, delays.max / 1e9 - RESOLUTION_MS / 1_000))
    delays.reset()
  }, NOTE_EVERY_MS)
  timer.unref()

  return {
    read(): void {
      const { user, system } = process.cpuUsage()
      cpu.reset()
      cpu.inc((user + system) / 1e6)
      memory.set(process.memoryUsage.rss())
      heap.set(process.memoryUsage().heapUsed)
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
