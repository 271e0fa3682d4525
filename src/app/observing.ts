import type { Logger } from 'pino'
import { createFactWatch, type FactWatch } from '../alerts/watch-facts.ts'
import type { Settings } from '../config.ts'
import { createMetrics, type Metrics } from '../observe/create-metrics.ts'
import { createObserver } from '../observe/create-observer.ts'
import type { Observer } from '../observe/observer.ts'
import { createTraces } from '../observe/traces.ts'
import type { Closers } from './stopping.ts'

/** All that hears of what happens. */
export interface Observing {
  readonly observer: Observer & ReturnType<typeof createObserver>
  readonly metrics: Metrics
  /** What alerts are made of. */
  readonly watch: FactWatch
  /** Begins to send spans, where the settings want them. */
  startTraces(closers: Closers): Promise<void>
}

/** Part of the composition: log, figures, spans and what alerts watch. */
export function createObserving(parts: {
  readonly settings: Settings
  readonly log: Logger
  readonly version: string
  readonly now: () => number
}): Observing {
  const { settings, log, version, now } = parts
  const sources = settings.sources.map(({ name }) => name)
  const metrics = createMetrics({ version })
  const traces = settings.isTraced ? createTraces() : undefined
  const watch = createFactWatch(now)
  const told = { metrics: metrics.all, spans: traces?.spans, sources }
  const observer = createObserver({ log, now, ...told, listeners: [watch.listener] })

  async function startTraces(closers: Closers): Promise<void> {
    if (!traces) return
    const onProblem = (detail: string) => observer.tracesFailed({ detail })
    await traces.start({ version, now, onProblem })
    closers.add('traces', ({ tracesMs }) => traces.stop(tracesMs))
  }
  return { observer, metrics, watch, startTraces }
}
