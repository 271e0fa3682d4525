import type { HandlerRegistration } from '../model.ts'
import type { GuardianFigures, Observer } from '../observe/observer.ts'
import type { Archive, SpoolFigures } from '../store/store.ts'
import { type StatsJson, statsJson } from './json/stats-json.ts'
import { createRateMeter } from './rate-meter.ts'

export interface StatsReaderOptions {
  readonly archive: Pick<Archive, 'stats' | 'health'>
  /** Undefined without one. */
  readonly spool: (() => Promise<SpoolFigures>) | undefined
  readonly observer: Pick<Observer, 'counts'>
  readonly registrations: () => readonly HandlerRegistration[]
  readonly guardian: (() => GuardianFigures) | undefined
  readonly now: () => number
  readonly version: string
}

/** Reads all figures. Questions that come while one is being answered share its answer. */
export function createStatsReader(options: StatsReaderOptions): () => Promise<StatsJson> {
  const { archive, spool, observer, registrations, guardian, now, version } = options
  const measureRates = createRateMeter(now)
  const countingSince = now()
  let running: Promise<StatsJson> | undefined

  const read = async () => {
    const [stats, health] = await Promise.all([archive.stats(), archive.health()])
    const totals = { events: stats.events.total, batches: stats.batches.received }
    return statsJson({
      version,
      countingSince,
      stats,
      health,
      spool: await spool?.(),
      counts: observer.counts(),
      registrations: registrations(),
      guardian: guardian?.(),
      rates: measureRates(totals),
    })
  }

  return () => {
    running ??= read().finally(() => {
      running = undefined
    })
    return running
  }
}
