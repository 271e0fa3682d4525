import type { Gauge } from 'prom-client'
import type { SpoolStats, StoreStats } from '../store/store.ts'
import { METRICS } from './metric-list.ts'
import type { MetricMaker } from './metric-maker.ts'
import type { GuardianFigures } from './observer.ts'

export type SpoolCounts = Pick<SpoolStats, 'waiting' | 'refused' | 'spooled' | 'drained'>

/** What is read for one answer. */
export interface ScrapeFigures {
  /** Undefined: the store did not answer in time. */
  readonly store: Pick<StoreStats, 'batches' | 'jobs' | 'backlog' | 'oldestPendingMs'> | undefined
  /** Undefined: there is no spool. */
  readonly spool: SpoolCounts | undefined
  readonly isReady: boolean
  /** Undefined: it could not be read in time. */
  readonly diskUsedRatio: number | undefined
  /** Undefined: nobody watches our webhooks at the provider. */
  readonly guardian: GuardianFigures | undefined
}

/** Figures of the moment. One that is not known is left out, so that no graph shows an old one. */
export function createScrapeGauges(maker: MetricMaker) {
  const { counter, gauge } = maker
  const setGuardian = createGuardianGauges(maker)
  const jobs = gauge(METRICS.jobs)
  const backlog = gauge(METRICS.backlog)
  const waitingBatches = gauge(METRICS.waitingBatches)
  const oldestPending = gauge(METRICS.oldestPending)
  const storeUp = gauge(METRICS.storeUp)
  const ready = gauge(METRICS.ready)
  const diskUsed = gauge(METRICS.diskUsed)
  const spooled = gauge(METRICS.spooled)
  const spoolRefused = gauge(METRICS.spoolRefused)
  const spoolKept = counter(METRICS.spoolKept)
  const spoolDrained = counter(METRICS.spoolDrained)

  function setStore(store: ScrapeFigures['store'], handlers: Iterable<string>): void {
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
    /** `handlers`: names of those that run here, whether they have had a job or not. */
    set(
      { store, spool, isReady, diskUsedRatio, guardian }: ScrapeFigures,
      handlers: Iterable<string>,
    ): void {
      setStore(store, handlers)
      setGuardian(guardian)
      setSpool(spool)
      setOrRemove(diskUsed, diskUsedRatio)
      ready.set(isReady ? 1 : 0)
    },
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
