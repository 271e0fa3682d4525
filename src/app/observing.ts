import { hostname } from 'node:os'
import { createMemoryKeeper } from '../alerts/alert-memory.ts'
import { type Alerts, createAlerts } from '../alerts/alerts.ts'
import { createFigureReader, type FigureSources } from '../alerts/read-figures.ts'
import { sendAlert } from '../alerts/send-alert.ts'
import { createFactWatch } from '../alerts/watch-facts.ts'
import { ReceiverError } from '../errors.ts'
import type { Guardian } from '../guardian/guardian.ts'
import { prepareGuardian } from '../guardian/prepare-guardian.ts'
import { createMetrics } from '../observe/create-metrics.ts'
import { createObserver } from '../observe/create-observer.ts'
import type { Tracer } from '../observe/open-tracer.ts'
import type { Spans } from '../observe/telling.ts'
import { readUsedPercent } from '../store/spool/spool-folder.ts'
import type { OpenedStore } from './attach-store.ts'
import { type AppParts, type Composition, follow } from './running-app.ts'
import type { Closers } from './stopping.ts'

/** Part of the composition, all that hears of what happens: log, figures, spans, and what alerts are made of. */
export function createObserving({
  settings,
  log,
  version,
  now,
}: Required<Pick<AppParts, 'settings' | 'log' | 'version' | 'now'>>) {
  const sources = settings.sources.map(({ name }) => name)
  const metrics = createMetrics({ version })
  let tracer: Tracer | undefined
  const spans: Spans = {
    addFirst: (span) => tracer?.addFirst(span),
    add: (span) => tracer?.add(span),
  }
  const watch = createFactWatch(now)
  const told = { metrics: metrics.all, spans: settings.isTraced ? spans : undefined, sources }
  const observer = createObserver({ log, now, ...told, listeners: [watch.listener] })

  /** Begins to send spans. What sends them is loaded only now: who wants no traces does not pay for them. */
  async function startTraces(closers: Closers): Promise<void> {
    if (!settings.isTraced) return
    const { openTracer } = await import('../observe/open-tracer.ts').catch(explainMissing)
    const onProblem = (detail: string) => observer.tracesFailed({ detail })
    const opened = openTracer({ version, now, onProblem })
    tracer = opened
    closers.add('traces', ({ tracesMs }) => opened.stop(tracesMs))
  }
  return { observer, metrics, watch, startTraces }
}

/** They are optional: an installation may leave them out. */
function explainMissing(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  const [, name = 'a package of OpenTelemetry'] =
    /'(@opentelemetry[^']*)'/.exec(error.message) ?? []
  throw new ReceiverError('invalid_settings', {
    detail: `traces are wanted, but ${name} is not installed. Install with optional dependencies (npm ci), or unset OTEL_EXPORTER_OTLP_ENDPOINT and its like`,
    cause: error,
  })
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
