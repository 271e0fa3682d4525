import type { GuardianFigures } from '../observe/figures.ts'
import type { ObservedCounts } from '../observe/observer.ts'
import { shareAnswer } from '../share-answer.ts'
import type { Archive } from '../store/store.ts'
import { within } from '../timers.ts'
import type { Figures, StoredFigures } from './cause.ts'
import type { FactWatch } from './watch-facts.ts'

/** What is read of the running receiver; causes need what is remembered besides. */
export type ReadFigures = Omit<Figures, 'grewAt' | 'silences'> & {
  /** When each source sent its newest batch, as far as the store tells. */
  readonly lastBatches: Readonly<Record<string, number>>
}

/** Where it is read. */
export interface FigureSources {
  readonly archive: Pick<Archive, 'stats' | 'lastBatches' | 'pausedHandlers'>
  readonly readiness: () => {
    readonly ready: boolean
    readonly checks: Readonly<Record<string, string>>
  }
  /** Undefined: there is no spool. */
  readonly spool: (() => { readonly waiting: number; readonly refused: number }) | undefined
  readonly diskUsedPercent: () => Promise<number>
  readonly counts: () => ObservedCounts
  readonly watch: Pick<FactWatch, 'read'>
  readonly guardian: (() => GuardianFigures) | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What comes later is in the next answer: the page asks every other second, also while the store is away. */
const PATIENCE_MS = 1_000

/** Reads everything; while the store does not answer, what it said last. Never rejects. */
export function createFigureReader(sources: FigureSources): () => Promise<ReadFigures> {
  const { archive, readiness, spool, counts, watch, guardian, now } = sources
  let stored: StoredFigures | undefined
  let lastBatches: Readonly<Record<string, number>> = {}

  const readStore = shareAnswer(async () => {
    const [stats, batches, pausedAt] = await Promise.all([
      archive.stats(),
      archive.lastBatches(),
      archive.pausedHandlers(),
    ])
    const { jobs, quarantined, oldestWaitingAt, oldestUntriedAt, events } = stats
    const conflicts = events.byState.conflict
    stored = { jobs, quarantined, conflicts, oldestWaitingAt, oldestUntriedAt, pausedAt }
    // A source that sends little is not among the newest for ever.
    lastBatches = { ...lastBatches, ...batches }
  })

  return async () => {
    const [, diskUsedPercent] = await Promise.all([
      within(PATIENCE_MS, readStore()).catch(() => undefined),
      within(PATIENCE_MS, sources.diskUsedPercent()).catch(() => undefined),
    ])
    const { ready, checks } = readiness()
    return {
      at: now(),
      isReady: ready,
      storeState: checks['store'] ?? 'ok',
      store: stored,
      lastBatches,
      diskUsedPercent,
      spool: spool?.(),
      handlers: counts().handlers,
      watched: watch.read(),
      guardian: guardian?.(),
    }
  }
}
