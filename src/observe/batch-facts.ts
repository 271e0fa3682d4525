import { coarseAddress } from '../address.ts'
import { tameLines, tameText, withoutStack } from './log-text.ts'
import { METRICS } from './metric-list.ts'
import {
  type BatchReceipt,
  type Observer,
  REFUSAL_REASONS,
  type RefusalReason,
  type TypeReceipt,
} from './observer.ts'
import type { RecentMinutes } from './recent-minutes.ts'
import type { Telling } from './telling.ts'

/** What an operator should look at, of refusals that are hardly ever a stranger's fault. */
export const REFUSAL_HINTS: Partial<Record<RefusalReason, string>> = {
  address_genuine:
    'The signature is genuine, the address is not in ALLOW_IPS. Add it; behind a load balancer let TRUST_PROXY name that.',
  signature_time:
    'The signature is genuine, its time is not. Compare the clocks; if repeated requests keep their first time, raise toleranceSeconds.',
  signature_milliseconds:
    'The signature is genuine, its time is in milliseconds, not in seconds as was inferred. Tell the makers of this receiver.',
  proxy_protocol:
    'The load balancer begins with the PROXY protocol, which is not spoken here. Turn it off there and have it send X-Forwarded-For.',
  not_tls:
    'Something speaks plain HTTP or the PROXY protocol to the port of HTTPS. Let the load balancer speak TLS, or take TLS_CERT_FILE away.',
}

type RequestFacts = 'batchReceived' | 'requestRefused'
type UnpackFacts = 'batchUnpacked' | 'unpackFailed'

interface RequestCounts {
  readonly received: Map<string, number>
  readonly refused: Map<RefusalReason, number>
}

export function createRequestCounts(): RequestCounts {
  return { received: new Map(), refused: new Map(REFUSAL_REASONS.map((reason) => [reason, 0])) }
}

/** What becomes of a request: a batch, or a refusal. */
export function tellOfRequests(
  { log, logSampled, metrics, spans }: Telling,
  options: {
    /** Names; their counters begin at 0, or the first batch would not count as an increase. */
    readonly sources: readonly string[]
    readonly counts: RequestCounts
    readonly minutes: RecentMinutes
    readonly now: () => number
  },
): Pick<Observer, RequestFacts> {
  const { sources, counts, minutes, now } = options
  const requests = metrics.counter(METRICS.requests)
  const verified = metrics.counter(METRICS.verified)
  const lastBatch = metrics.gauge(METRICS.lastBatch)
  const ackTime = metrics.histogram(METRICS.ackTime)
  const batchBytes = metrics.histogram(METRICS.batchBytes)
  for (const source of sources) {
    for (const outcome of ['received', 'address_genuine']) requests.inc({ source, outcome }, 0)
  }

  return {
    batchReceived({ secretPosition, ...fact }) {
      const { batch, source, bytes, ackMs } = fact
      log.info(secretPosition > 0 ? { ...fact, secretPosition } : fact, 'batch received')
      counts.received.set(source, (counts.received.get(source) ?? 0) + 1)
      minutes.noteAck(ackMs)
      requests.inc({ source, outcome: 'received' })
      verified.inc({ source, secret: String(secretPosition) })
      lastBatch.set({ source }, now() / 1_000)
      ackTime.observe({ source }, ackMs / 1_000)
      batchBytes.observe({ source }, bytes)
      const attributes = {
        'webhook.batch': batch,
        'webhook.source': source,
        'webhook.bytes': bytes,
      }
      spans?.addFirst({
        batch,
        name: `receive ${source}`,
        durationMs: ackMs,
        attributes: { ...attributes, 'webhook.secret_position': secretPosition },
      })
    },
    requestRefused({ source, reason, status, address, detail, aheadSeconds }) {
      logSampled(reason === 'internal' ? 'error' : 'warn', 'request refused', {
        source,
        reason,
        status,
        network: address === undefined ? undefined : coarseAddress(address),
        detail: detail === undefined ? undefined : tameText(detail),
        signed_ahead_seconds: aheadSeconds,
        hint: REFUSAL_HINTS[reason],
      })
      counts.refused.set(reason, (counts.refused.get(reason) ?? 0) + 1)
      requests.inc({ source: source ?? 'unknown', outcome: reason })
    },
  }
}

/** What becomes of a batch that was kept. */
export function tellOfUnpacking(
  { log, metrics, spans }: Telling,
  sources: readonly string[],
): Pick<Observer, UnpackFacts> {
  const events = metrics.counter(METRICS.events)
  const quarantined = metrics.counter(METRICS.quarantined)
  const unpackFailures = metrics.counter(METRICS.unpackFailures)
  const batchEvents = metrics.histogram(METRICS.batchEvents)
  const unpackTime = metrics.histogram(METRICS.unpackTime)
  for (const source of sources) quarantined.inc({ source }, 0)

  const countTypes = (source: string, types: readonly TypeReceipt[]) => {
    for (const { type, stored, duplicates, conflicts, stale } of types) {
      const outcomes = { stored: stored - stale, duplicate: duplicates, conflict: conflicts, stale }
      for (const [outcome, n] of Object.entries(outcomes)) {
        if (n > 0) events.inc({ source, type, outcome }, n)
      }
    }
  }

  return {
    batchUnpacked({ receipt: { types, ...totals }, ...fact }) {
      const { batch, source, durationMs } = fact
      log[needsALook(totals) ? 'warn' : 'debug']({ ...fact, ...totals }, 'batch unpacked')
      const { stored, duplicates, conflicts } = totals
      batchEvents.observe({ source }, stored + duplicates + conflicts + totals.quarantined)
      unpackTime.observe({ source }, durationMs / 1_000)
      quarantined.inc({ source }, totals.quarantined)
      countTypes(source, types)
      const named = Object.entries(totals).map(([name, count]) => [`webhook.${name}`, count])
      const attributes = { 'webhook.source': source, ...Object.fromEntries(named) }
      spans?.add({ batch, name: `unpack ${source}`, durationMs, attributes })
    },
    unpackFailed({ batch, error }) {
      const text = 'batch could not be unpacked; it will be tried again'
      log.error({ batch, error: tameLines(error) }, text)
      unpackFailures.inc()
      const failure = { attributes: {}, error: withoutStack(error) }
      spans?.add({ batch, name: 'unpack', durationMs: 0, ...failure })
    },
  }
}

function needsALook({ quarantined, conflicts, stale }: Omit<BatchReceipt, 'types'>): boolean {
  return quarantined + conflicts + stale > 0
}
