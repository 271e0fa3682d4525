import type { Gauge } from 'prom-client'
import type { StoreStats } from '../store/store.ts'
import { METRICS } from './metric-list.ts'
import type { MetricMaker } from './metric-maker.ts'

/** What is read for one answer. */
export interface ScrapeFigures {
  /** Undefined: the store did not answer in time. */
  readonly store: Pick<StoreStats, 'batches' | 'jobs' | 'backlog' | 'oldestPendingMs'> | undefined
  /** Undefined: there is no spool. */
  readonly spool: SpoolFigures | undefined
  readonly isReady: boolean
  /** Undefined: it could not be read in time. */
  readonly diskUsedRatio: number | undefined
}

export interface SpoolFigures {
  readonly waiting: number
  readonly refused: number
  readonly spooled: number
  readonly drained: number
}

/** Figures of the moment. One that is not known is left out, so that no graph shows an old one. */
export function createScrapeGauges({ counter, gauge }: MetricMaker) {
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

  function setStore(store: ScrapeFigures['store']): void {
    storeUp.set(store ? 1 : 0)
    setOrRemove(backlog, store?.backlog)
    setOrRemove(waitingBatches, store?.batches.waiting)
    setOrRemove(oldestPending, store && store.oldestPendingMs / 1_000)
    jobs.reset()
    for (const [handler, { pending, dead }] of Object.entries(store?.jobs ?? {})) {
      jobs.set({ handler, state: 'pending' }, pending)
      jobs.set({ handler, state: 'dead' }, dead)
    }
  }

  function setSpool(spool: SpoolFigures | undefined): void {
    setOrRemove(spooled, spool?.waiting)
    setOrRemove(spoolRefused, spool?.refused)
    spoolKept.reset()
    spoolKept.inc(spool?.spooled ?? 0)
    spoolDrained.reset()
    spoolDrained.inc(spool?.drained ?? 0)
  }

  return {
    set({ store, spool, isReady, diskUsedRatio }: ScrapeFigures): void {
      setStore(store)
      setSpool(spool)
      setOrRemove(diskUsed, diskUsedRatio)
      ready.set(isReady ? 1 : 0)
    },
  }
}

function setOrRemove(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove()
  else gauge.set(value)
}
