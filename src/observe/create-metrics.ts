import { Registry } from 'prom-client'
import type { TypeReceipt } from '../store/store.ts'
import { METRICS } from './metric-list.ts'
import { createMetricMaker, type MetricMaker } from './metric-maker.ts'
import type { ObserverListener } from './observer.ts'
import { watchProcess } from './process-metrics.ts'
import { createScrapeGauges, type ScrapeFigures } from './scrape-gauges.ts'

/** The figures for Prometheus. */
export interface Metrics {
  /** Hears of everything that happens. */
  readonly listener: ObserverListener
  /** The answer of `GET /metrics`: what was counted, and what was read for it. */
  render(figures: ScrapeFigures): Promise<string>
  readonly contentType: string
  stop(): void
}

export interface MetricsOptions {
  readonly version: string
  /** Names; their counters begin at 0, or the first batch would not count as an increase. */
  readonly sources: readonly string[]
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A second listener of what happens, beside the log. Nothing here waits or throws. */
export function createMetrics({ version, sources, now }: MetricsOptions): Metrics {
  const registry = new Registry()
  const maker = createMetricMaker(registry)
  const gauges = createScrapeGauges(maker)
  const process = watchProcess(maker)
  const processes = new Map<string, number>()
  maker.gauge(METRICS.build).set({ version }, 1)

  return {
    listener: {
      ...listenToSources(maker, { sources, now }),
      ...listenToHandlers(maker, processes),
      ...listenToStore(maker),
      ...listenToPeople(maker),
    },
    render(figures) {
      gauges.set(figures, processes.keys())
      process.read()
      return registry.metrics()
    },
    contentType: registry.contentType,
    stop: process.stop,
  }
}

function listenToSources(
  { counter, gauge, histogram }: MetricMaker,
  { sources, now }: Pick<MetricsOptions, 'sources' | 'now'>,
): ObserverListener {
  const requests = counter(METRICS.requests)
  const verified = counter(METRICS.verified)
  const events = counter(METRICS.events)
  const quarantined = counter(METRICS.quarantined)
  const unpackFailures = counter(METRICS.unpackFailures)
  const lastBatch = gauge(METRICS.lastBatch)
  const ackTime = histogram(METRICS.ackTime)
  const batchBytes = histogram(METRICS.batchBytes)
  const batchEvents = histogram(METRICS.batchEvents)
  const unpackTime = histogram(METRICS.unpackTime)
  for (const source of sources) {
    requests.inc({ source, outcome: 'received' }, 0)
    quarantined.inc({ source }, 0)
  }

  const countTypes = (source: string, types: readonly TypeReceipt[]) => {
    for (const { type, stored, duplicates, conflicts, stale } of types) {
      const outcomes = { stored: stored - stale, duplicate: duplicates, conflict: conflicts, stale }
      for (const [outcome, n] of Object.entries(outcomes)) {
        if (n > 0) events.inc({ source, type, outcome }, n)
      }
    }
  }

  return {
    batchReceived({ source, bytes, ackMs, secretPosition }) {
      requests.inc({ source, outcome: 'received' })
      verified.inc({ source, secret: String(secretPosition) })
      lastBatch.set({ source }, now() / 1_000)
      ackTime.observe({ source }, ackMs / 1_000)
      batchBytes.observe({ source }, bytes)
    },
    requestRefused({ source = 'unknown', reason }) {
      requests.inc({ source, outcome: reason })
    },
    batchUnpacked({ source, durationMs, receipt }) {
      const { stored, duplicates, conflicts } = receipt
      batchEvents.observe({ source }, stored + duplicates + conflicts + receipt.quarantined)
      unpackTime.observe({ source }, durationMs / 1_000)
      quarantined.inc({ source }, receipt.quarantined)
      countTypes(source, receipt.types)
    },
    unpackFailed: () => unpackFailures.inc(),
  }
}

/** `processes`: how many each handler has, kept up to date. */
function listenToHandlers(
  { counter, gauge, histogram }: MetricMaker,
  processes: Map<string, number>,
): ObserverListener {
  const attemptTime = histogram(METRICS.attemptTime)
  const released = counter(METRICS.released)
  const running = gauge(METRICS.handlerRunning)
  const restarts = counter(METRICS.handlerRestarts)
  const droppedLines = counter(METRICS.droppedLines)
  return {
    attemptEnded({ handler, outcome, durationMs }) {
      // One metric for their number and their time: there are thousands a second.
      if (outcome === 'released') released.inc({ handler })
      else attemptTime.observe({ handler, outcome }, durationMs / 1_000)
    },
    handlerStarted({ handler }) {
      // Two run while newer code takes the place of older.
      processes.set(handler, (processes.get(handler) ?? 0) + 1)
      running.inc({ handler })
      // From 0 on, or the first would not count as an increase.
      for (const cause of ['planned', 'failure']) restarts.inc({ handler, cause }, 0)
    },
    handlerEnded({ handler, pid, isPlanned }) {
      const left = (processes.get(handler) ?? 0) - (pid === undefined ? 0 : 1)
      processes.set(handler, left)
      // One that a reload took out of the settings is not one that is down.
      if (isPlanned && left === 0) running.remove({ handler })
      else running.set({ handler }, left)
      restarts.inc({ handler, cause: isPlanned ? 'planned' : 'failure' })
    },
    handlerForgotten({ handler }) {
      if ((processes.get(handler) ?? 0) > 0) return
      processes.delete(handler)
      running.remove({ handler })
    },
    handlerOutputDropped: ({ handler, lines }) => droppedLines.inc({ handler }, lines),
  }
}

function listenToStore({ counter, histogram }: MetricMaker): ObserverListener {
  const storeFailures = counter(METRICS.storeFailures)
  const spoolFailures = counter(METRICS.spoolFailures)
  const pruned = counter(METRICS.pruned)
  const commitTime = histogram(METRICS.commitTime)
  const syncTime = histogram(METRICS.syncTime)
  return {
    storeCommitted({ isDurable, durationMs, syncMs }) {
      commitTime.observe({ durable: String(isDurable) }, durationMs / 1_000)
      if (isDurable) syncTime.observe(syncMs / 1_000)
    },
    storeFailed: ({ code }) => storeFailures.inc({ code }),
    spoolBegan: ({ code }) => storeFailures.inc({ code }),
    spoolFailed: ({ code }) => spoolFailures.inc({ code }),
    pruned: ({ rows }) => pruned.inc(rows),
  }
}

function listenToPeople({ counter }: MetricMaker): ObserverListener {
  const replayed = counter(METRICS.replayed)
  const failures = counter(METRICS.adminFailures)
  return {
    replayed: ({ jobs }) => replayed.inc(jobs),
    adminFailed: () => failures.inc(),
  }
}
