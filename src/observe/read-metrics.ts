import { shareAnswer } from '../share-answer.ts'
import type { StoreStats } from '../store/store.ts'
import type { Metrics } from './create-metrics.ts'
import type { GuardianFigures } from './observer.ts'
import type { SpoolCounts } from './scrape-gauges.ts'
import { within } from './within.ts'

/** Prometheus waits 10 s by default; an answer without the store's figures is better than none. */
const LIMIT_MS = 3_000

export interface MetricsReaderOptions {
  readonly metrics: Pick<Metrics, 'render'>
  readonly stats: () => Promise<StoreStats>
  /** Undefined: there is no spool. */
  readonly spool: (() => SpoolCounts) | undefined
  readonly isReady: () => boolean
  readonly diskUsedPercent: () => Promise<number>
  /** Undefined: nobody watches our webhooks at the provider. */
  readonly guardian: (() => GuardianFigures) | undefined
  /** Default 3 s. */
  readonly limitMs?: number
}

/**
 * Reads what is only known by asking, and answers all figures. Never waits longer than its limit;
 * a question to the store that takes longer is shared by the answers that follow.
 */
export function createMetricsReader(options: MetricsReaderOptions): () => Promise<string> {
  const { metrics, spool, guardian, isReady, limitMs = LIMIT_MS } = options
  const stats = shareAnswer(options.stats)
  const diskUsedPercent = shareAnswer(options.diskUsedPercent)

  return async () => {
    const [store, usedPercent] = await Promise.all([
      within(limitMs, stats()),
      within(limitMs, diskUsedPercent()),
    ])
    const diskUsedRatio = usedPercent === undefined ? undefined : usedPercent / 100
    const figures = { store, spool: spool?.(), isReady: isReady(), guardian: guardian?.() }
    return metrics.render({ ...figures, diskUsedRatio })
  }
}
