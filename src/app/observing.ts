import type { Logger } from 'pino'
import { createFactWatch } from '../alerts/watch-facts.ts'
import type { Settings } from '../config.ts'
import { createMetrics } from '../observe/create-metrics.ts'
import { createObserver } from '../observe/create-observer.ts'
import { createTraces } from '../observe/traces.ts'
import type { Closers } from './stopping.ts'

/** Part of the composition, all that hears of what happens: log, figures, spans, and what alerts are made of. */
export function createObserving(parts: {
  readonly settings: Settings
  readonly log: Logger
  readonly version: string
  readonly now: () => number
}) {
  const { settings, log, version, now } = parts
  const sources = settings.sources.map(({ name }) => name)
  const metrics = createMetrics({ version })
  const traces = settings.isTraced ? createTraces() : undefined
  const watch = createFactWatch(now)
  const told = { metrics: metrics.all, spans: traces?.spans, sources }
  const observer = createObserver({ log, now, ...told, listeners: [watch.listener] })

  /** Begins to send spans, where the settings want them. */
  async function startTraces(closers: Closers): Promise<void> {
    if (!traces) return
    const onProblem = (detail: string) => observer.tracesFailed({ detail })
    await traces.start({ version, now, onProblem })
    closers.add('traces', ({ tracesMs }) => traces.stop(tracesMs))
  }
  return { observer, metrics, watch, startTraces }
}
