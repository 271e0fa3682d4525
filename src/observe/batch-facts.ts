import {
  type BatchReceipt,
  REFUSAL_HINTS,
  REFUSAL_REASONS,
  type RefusalReason,
  type TypeReceipt,
} from './figures.ts'
import { withoutStack } from './log-text.ts'
import type { RecentMinutes } from './recent-minutes.ts'
import type { Telling } from './telling.ts'

interface RequestCounts {
  readonly received: Map<string, number>
  readonly refused: Map<RefusalReason, number>
}

export function createRequestCounts(): RequestCounts {
  return { received: new Map(), refused: new Map(REFUSAL_REASONS.map((reason) => [reason, 0])) }
}

interface ReceivedBatch {
  readonly batch: string
  readonly source: string
  readonly bytes: number
  /** From the first byte of the request to the durable commit. */
  readonly ackMs: number
  /** 0 is the newest secret. */
  readonly secretPosition: number
}

interface RefusedRequest {
  readonly source: string | undefined
  readonly reason: RefusalReason
  readonly status: number
  readonly address?: string
  /** Only for `internal`: what failed here, for the operator. */
  readonly detail?: string
  /** How far the signed time is ahead of ours; negative: behind. */
  readonly aheadSeconds?: number
}

/** What becomes of a request: a batch, or a refusal. */
export function tellOfRequests(
  { log, sampled, metrics, spans }: Telling,
  options: {
    /** Names; their counters begin at 0, or the first batch would not count as an increase. */
    readonly sources: readonly string[]
    readonly counts: RequestCounts
    readonly minutes: RecentMinutes
    readonly now: () => number
  },
) {
  const { sources, counts, minutes, now } = options
  for (const source of sources) {
    for (const outcome of ['received', 'address_genuine']) {
      metrics.requests_total.inc({ source, outcome }, 0)
    }
  }

  return {
    batchReceived({ secretPosition, ...fact }: ReceivedBatch) {
      const { batch, source, bytes, ackMs } = fact
      log.info(secretPosition > 0 ? { ...fact, secretPosition } : fact, 'batch received')
      counts.received.set(source, (counts.received.get(source) ?? 0) + 1)
      minutes.noteAck(ackMs)
      metrics.requests_total.inc({ source, outcome: 'received' })
      metrics.verified_total.inc({ source, secret: String(secretPosition) })
      metrics.last_batch_timestamp_seconds.set({ source }, now() / 1_000)
      metrics.ack_seconds.observe({ source }, ackMs / 1_000)
      metrics.batch_bytes.observe({ source }, bytes)
      spans?.addFirst({
        batch,
        name: `receive ${source}`,
        durationMs: ackMs,
        attributes: { batch, source, bytes, secret_position: secretPosition },
      })
    },
    requestRefused({ reason, aheadSeconds, ...fact }: RefusedRequest) {
      const tell = sampled(reason === 'internal' ? 'error' : 'warn', 'request refused')
      const [signed_ahead_seconds, hint] = [aheadSeconds, REFUSAL_HINTS[reason]]
      tell({ ...fact, code: reason, signed_ahead_seconds, hint })
      counts.refused.set(reason, (counts.refused.get(reason) ?? 0) + 1)
      metrics.requests_total.inc({ source: fact.source ?? 'unknown', outcome: reason })
    },
  }
}

interface UnpackedBatch {
  readonly batch: string
  readonly source: string
  readonly durationMs: number
  readonly receipt: BatchReceipt
}

/** What becomes of a batch that was kept. */
export function tellOfUnpacking(
  { log, line, metrics, spans }: Telling,
  sources: readonly string[],
) {
  const tellOfFailure = line('error', 'batch could not be unpacked; it will be tried again')
  for (const source of sources) metrics.quarantined_total.inc({ source }, 0)

  const countTypes = (source: string, types: readonly TypeReceipt[]) => {
    for (const { type, stored, duplicates, conflicts, stale } of types) {
      const outcomes = { stored: stored - stale, duplicate: duplicates, conflict: conflicts, stale }
      for (const [outcome, n] of Object.entries(outcomes)) {
        if (n > 0) metrics.events_total.inc({ source, type, outcome }, n)
      }
    }
  }

  return {
    batchUnpacked({ receipt: { types, ...totals }, ...fact }: UnpackedBatch) {
      const { batch, source, durationMs } = fact
      log[needsALook(totals) ? 'warn' : 'debug']({ ...fact, ...totals }, 'batch unpacked')
      const { stored, duplicates, conflicts } = totals
      metrics.batch_events.observe({ source }, stored + duplicates + conflicts + totals.quarantined)
      metrics.unpack_seconds.observe({ source }, durationMs / 1_000)
      metrics.quarantined_total.inc({ source }, totals.quarantined)
      countTypes(source, types)
      spans?.add({
        batch,
        name: `unpack ${source}`,
        durationMs,
        attributes: { source, ...totals },
      })
    },
    unpackFailed(fact: { batch: string; error: string }) {
      tellOfFailure(fact)
      metrics.unpack_failures_total.inc()
      const failure = { attributes: {}, error: withoutStack(fact.error) }
      spans?.add({ batch: fact.batch, name: 'unpack', durationMs: 0, ...failure })
    },
  }
}

function needsALook({ quarantined, conflicts, stale }: Omit<BatchReceipt, 'types'>): boolean {
  return quarantined + conflicts + stale > 0
}
