import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { createMemoryKeeper } from '../alerts/alert-memory.ts'
import { type Alerts, createAlerts } from '../alerts/alerts.ts'
import { createFigureReader, type FigureSources } from '../alerts/read-figures.ts'
import { sendAlert } from '../alerts/send-alert.ts'
import { createFactWatch } from '../alerts/watch-facts.ts'
import type { Settings } from '../config.ts'
import type { Guardian } from '../guardian/guardian.ts'
import { prepareGuardian } from '../guardian/prepare-guardian.ts'
import { createMetrics } from '../observe/create-metrics.ts'
import { createObserver } from '../observe/create-observer.ts'
import { createTraces } from '../observe/traces.ts'
import { readUsedPercent } from '../store/spool/spool-folder.ts'
import type { OpenedStore } from './attach-store.ts'
import { type Composition, follow } from './running-app.ts'
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

/** Part of the composition: what tells people that they are needed. */
export function watchCauses(
  { store, spool }: Pick<OpenedStore, 'store' | 'spool'>,
  composition: Composition,
  {
    lookEveryMs: everyMs,
    ...seen
  }: Pick<FigureSources, 'watch' | 'readiness' | 'guardian'> & { lookEveryMs?: number | undefined },
): Alerts {
  const { settings, receives, observer, now } = composition
  const readFigures = createFigureReader({
    ...seen,
    archive: store,
    spool: spool?.stats,
    diskUsedPercent: () => readUsedPercent(settings.dataDir),
    counts: observer.counts,
    now,
  })
  return createAlerts({
    readFigures,
    memory: createMemoryKeeper(store),
    sources: follow(composition, ({ sources }) => (receives ? sources : [])),
    target: follow(composition, ({ alerts }) => alerts),
    send: sendAlert,
    receiver: settings.publicUrl ? new URL(settings.publicUrl).host : hostname(),
    observer,
    now,
    everyMs,
  })
}

/** Part of the composition: what looks after the webhooks at the provider; whoever receives does. */
export async function watchWebhooks(
  { settings, receives, observer, reloaders, now }: Composition,
  isWell: () => boolean,
): Promise<Guardian | undefined> {
  if (!receives) return undefined
  const { guardian, reload } = await prepareGuardian({ settings, isWell, observer, now })
  reloaders.push(reload)
  return guardian
}
