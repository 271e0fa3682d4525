import type { HandlerRegistration } from '../model.ts'
import type { GuardianFigures, Observer } from '../observe/observer.ts'
import { shareAnswer } from '../share-answer.ts'
import type { Archive, SpoolFigures } from '../store/store.ts'
import { type ProcessJson, processJson, type StatsJson, statsJson } from './json/stats-json.ts'
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

export interface StatsReader {
  /** All figures. Questions that come while one is being answered share its answer. */
  readAll(): Promise<StatsJson>
  /** What needs no store. */
  readProcess(): Promise<ProcessJson>
}

export function createStatsReader(options: StatsReaderOptions): StatsReader {
  const { archive, spool, observer, registrations, guardian, now, version } = options
  const measureRates = createRateMeter()
  const countingSince = now()

  const readFacts = async () => ({
    version,
    countingSince,
    spool: await spool?.(),
    counts: observer.counts(),
    registrations: registrations(),
    guardian: guardian?.(),
  })

  const read = async () => {
    const [stats, health] = await Promise.all([archive.stats(), archive.health()])
    const { events, batches, countedAt: at } = stats
    const rates = measureRates({ events: events.total, batches: batches.received, at })
    return statsJson({ ...(await readFacts()), stats, health, rates })
  }

  return {
    readAll: shareAnswer(read),
    readProcess: async () => processJson(await readFacts()),
  }
}
