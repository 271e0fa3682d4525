import { coarseAddress } from '../address.ts'
import { ReceiverError } from '../errors.ts'
import type { OutageFigures } from './figures.ts'
import { tameText } from './log-text.ts'
import { METRICS } from './metric-list.ts'
import type { AlertObserver, GuardianObserver, Observer, ReplayFilter } from './observer.ts'
import type { Telling } from './telling.ts'

type PeopleFacts =
  | 'tracesFailed'
  | 'adminFailed'
  | 'replayed'
  | 'discarded'
  | 'erased'
  | 'handlerPaused'
  | 'pieceRequeued'
  | 'signedIn'

/** What people do here, and what they are told elsewhere. */
export function tellOfPeople(telling: Telling): Pick<Observer, PeopleFacts> & AlertObserver {
  const { log, logSampled, metrics } = telling
  const replayedJobs = metrics.counter(METRICS.replayed)
  const discardedJobs = metrics.counter(METRICS.discarded)
  const adminFailures = metrics.counter(METRICS.adminFailures)
  return {
    tracesFailed({ detail }) {
      logSampled('warn', 'traces are lost', { reason: 'traces', detail: tameText(detail) })
    },
    adminFailed({ route, error }) {
      const reason = error instanceof ReceiverError ? error.code : nameOf(error)
      logSampled('error', 'admin listener failed to answer', { reason, route, err: error })
      adminFailures.inc()
    },
    replayed({ address, filter, jobs }) {
      const fields = { network: coarseAddress(address), filter: describeFilter(filter), jobs }
      log.info(fields, 'jobs made pending again')
      replayedJobs.inc(jobs)
    },
    discarded({ address, filter, jobs }) {
      const fields = { network: coarseAddress(address), filter: describeFilter(filter), jobs }
      log.info(fields, 'dead jobs discarded')
      discardedJobs.inc(jobs)
    },
    erased({ address, ...counts }) {
      log.info({ network: coarseAddress(address), ...counts }, 'a person was erased')
    },
    handlerPaused({ address, handler, isPaused }) {
      const fields = { network: coarseAddress(address), handler }
      log.info(fields, isPaused ? 'handler paused' : 'handler resumed')
    },
    pieceRequeued({ address, ...fact }) {
      log.info({ network: coarseAddress(address), ...fact }, 'quarantined piece is read again')
    },
    signedIn({ address, isRight }) {
      const fields = { reason: 'password', network: coarseAddress(address) }
      if (isRight) log.info(fields, 'signed in')
      else logSampled('warn', 'sign-in refused', fields)
    },
    alertSent(fact) {
      log.info(fact, 'alert sent')
    },
    alertFailed({ cause, detail }) {
      const text = 'alert could not be sent; it will be tried again'
      logSampled('warn', text, { reason: 'alert', cause, detail: tameText(detail) })
    },
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

/** A type is text of strangers, and may be anything. */
function describeFilter({ from, to, ...texts }: ReplayFilter): Record<string, string> {
  const tamed = Object.entries(texts).map(([name, text]) => [name, tameText(text)])
  const times = Object.entries({ from, to }).flatMap(([name, time]) =>
    time === undefined ? [] : [[name, new Date(time).toISOString()]],
  )
  return Object.fromEntries([...tamed, ...times])
}

/** What happens to our webhooks at the provider. Their figures are read when they are asked for. */
export function tellOfGuardian({ log, logSampled }: Telling): GuardianObserver {
  return {
    webhooksWrong({ problems }) {
      for (const { webhook, source, text } of problems) {
        log.error({ webhook, source, problem: tameText(text) }, 'webhook at the provider is wrong')
      }
    },
    webhooksRight(fact) {
      log.info(fact, 'webhooks at the provider are as they should be')
    },
    webhookResumed(fact) {
      log.warn(fact, 'paused webhook resumed at the provider')
    },
    guardianFailed({ code, detail, nextLookMs }) {
      // Waiting does not mend a wrong token: a person has to.
      const level = code === 'unauthorized' || code === 'refused' ? 'error' : 'warn'
      const nextLookSeconds = Math.round(nextLookMs / 1_000)
      logSampled(level, 'webhooks at the provider could not be looked at', {
        reason: code,
        detail: tameText(detail),
        nextLookSeconds,
      })
    },
    outageEnded(outage) {
      const { retriesUsed, retriesLimit } = outage
      if (retriesUsed < retriesLimit) {
        log.warn(describeOutage(outage), 'outage is over; the provider has tried again meanwhile')
        return
      }
      const text = 'outage is over; the provider may have given up: fill what is missing'
      log.error({ ...describeOutage(outage), command: backfillCommand(outage) }, text)
    },
    outageNearsLimit(outage) {
      log.error(describeOutage(outage), 'outage goes on; the provider will pause the webhook')
    },
  }
}

/** For the span in which the provider may have given up. */
function backfillCommand({ beganAt, durationMs }: OutageFigures): string {
  const [from, to] = [beganAt, beganAt + durationMs].map((at) => new Date(at).toISOString())
  return `mailtrap-receiver backfill --from ${from} --to ${to}`
}

function describeOutage({ durationMs, retriesUsed, retriesLimit }: OutageFigures) {
  return { seconds: Math.round(durationMs / 1_000), retriesUsed, retriesLimit }
}
