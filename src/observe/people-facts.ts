import { ReceiverError } from '../errors.ts'
import type { ErasureReport } from '../store/store.ts'
import type { OutageFigures, WebhookProblem } from './figures.ts'
import { tameText } from './log-text.ts'
import type { Telling } from './telling.ts'

/** Which events were asked for; times of receipt in milliseconds since 1970. */
interface ReplayFilter {
  readonly handler?: string
  readonly state?: string
  readonly type?: string
  readonly from?: number
  readonly to?: number
  readonly event?: string
}

/** Who asked, for which events, and how many jobs it came to. */
interface JobsChange {
  readonly address: string
  readonly filter: ReplayFilter
  readonly jobs: number
}

/** What people do here. */
export function tellOfPeople({ line, sampled, metrics }: Telling) {
  const failToAnswer = sampled('error', 'admin listener failed to answer')
  const refuseSignIn = sampled('warn', 'sign-in refused')
  const changeJobs = (text: string, counter: { inc(jobs: number): void }) => {
    const tell = line('info', text)
    return ({ filter, ...fact }: JobsChange) => {
      tell({ ...fact, filter: describeFilter(filter) })
      counter.inc(fact.jobs)
    }
  }
  return {
    /** The admin listener answered 500 or 503. `route` is its pattern, never an address with values. */
    adminFailed({ route, error }: { route: string; error: unknown }) {
      const code = error instanceof ReceiverError ? error.code : nameOf(error)
      failToAnswer({ code, route, err: error })
      metrics.admin_failures_total.inc()
    },
    /** The audit trail of replays: jobs became pending. */
    replayed: changeJobs('jobs made pending again', metrics.replayed_jobs_total),
    /** Dead jobs were settled for good. Why is in the trail: a person wrote it. */
    discarded: changeJobs('dead jobs discarded', metrics.discarded_jobs_total),
    /** A person was removed, and what of. */
    erased: line<ErasureReport & { address: string }>('info', 'a person was erased'),
    /** A handler was paused, or resumed, for all replicas. */
    handlerPaused({ isPaused, ...fact }: { address: string; handler: string; isPaused: boolean }) {
      line('info', isPaused ? 'handler paused' : 'handler resumed')(fact)
    },
    /** A piece left quarantine to be read again, as this batch. */
    pieceRequeued: line<{ address: string; piece: string; batch: string }>(
      'info',
      'quarantined piece is read again',
    ),
    /** Somebody gave the password to the page, or a wrong one. */
    signedIn({ address, isRight }: { address: string; isRight: boolean }) {
      const fact = { code: 'password', address }
      if (isRight) line('info', 'signed in')(fact)
      else refuseSignIn(fact)
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

/** What happens on the way to others. Nothing tells where alerts go: the address may be a secret. */
export function tellOfAlerts({ line, sampled }: Telling) {
  const loseAlert = sampled('warn', 'alert could not be sent; it will be tried again')
  const loseTraces = sampled('warn', 'traces are lost')
  return {
    alertSent: line<{ cause: string; state: string }>('info', 'alert sent'),
    /** It will be sent again. */
    alertFailed: (fact: { cause: string; detail: string }) => loseAlert({ code: 'alert', ...fact }),
    /** Spans did not reach their collector, or were too many for it. */
    tracesFailed: (fact: { detail: string }) => loseTraces({ code: 'traces', ...fact }),
  }
}

/**
 * What happens to the guardian, which watches our webhooks at the provider. Its figures are read when they
 * are asked for.
 */
export function tellOfGuardian({ log, line, sampled }: Telling) {
  return {
    /** Told when they change, and again each hour while they last. */
    webhooksWrong({ problems }: { problems: readonly WebhookProblem[] }) {
      for (const { webhook, source, text } of problems) {
        log.error({ webhook, source, problem: tameText(text) }, 'webhook at the provider is wrong')
      }
    },
    webhooksRight: line<{ webhooks: number }>(
      'info',
      'webhooks at the provider are as they should be',
    ),
    webhookResumed: line<{ webhook: number; source: string }>(
      'warn',
      'paused webhook resumed at the provider',
    ),
    /** The provider could not be asked, or refused. */
    guardianFailed(fact: { code: string; detail: string; nextLookMs: number }) {
      const { nextLookMs, ...failure } = fact
      // Waiting does not mend a wrong token: a person has to.
      const level = failure.code === 'unauthorized' || failure.code === 'refused' ? 'error' : 'warn'
      const nextLookSeconds = Math.round(nextLookMs / 1_000)
      const text = 'webhooks at the provider could not be looked at'
      sampled(level, text)({ ...failure, nextLookSeconds })
    },
    /** Our outage is over; it cost so many of the provider's retries. */
    outageEnded(outage: OutageFigures) {
      const { retriesUsed, retriesLimit } = outage
      if (retriesUsed < retriesLimit) {
        log.warn(describeOutage(outage), 'outage is over; the provider has tried again meanwhile')
        return
      }
      const text = 'outage is over; the provider may have given up: fill what is missing'
      log.error({ ...describeOutage(outage), command: backfillCommand(outage) }, text)
    },
    /** When it goes on, the provider will pause the webhook. */
    outageNearsLimit(outage: OutageFigures) {
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
