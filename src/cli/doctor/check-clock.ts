import type { Source } from '../../model.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import type { Exchange } from './exchange.ts'
import { type Finding, findingsOf } from './finding.ts'
import { readSeen } from './read-seen.ts'

/** `Date` counts whole seconds, and the way takes its time. */
const FINE_SECONDS = 5
const TOO_FAR_SECONDS = 60

const clock = findingsOf('clock')

/** Compares the clock of whoever answered, and the provider's where it is known, with ours. */
export function checkClock(options: {
  readonly answer: Exchange
  readonly source: Source | undefined
  /** The provider's time less ours, milliseconds. */
  readonly providerAheadMs: number | undefined
}): Finding {
  const { answer, source, providerAheadMs } = options
  const aheadMs = answer.isAnswered ? readAhead(answer) : undefined
  if (aheadMs === undefined) return clock.skipped('No answer told the time')
  const seconds = Math.round((aheadMs - (providerAheadMs ?? 0)) / 1_000)
  const what = providerAheadMs === undefined ? 'this machine’s' : 'the provider’s'
  if (Math.abs(seconds) <= FINE_SECONDS) return clock.ok(`The receiver’s clock agrees with ${what}`)
  const detail = `The receiver’s clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} ${what}.`
  const remedy = 'Let the receiver’s machine keep its time by NTP (timedatectl set-ntp true).'
  return Math.abs(seconds) > limitOf(source)
    ? clock.failed(detail, remedy)
    : clock.warning(detail, remedy)
}

/** Half of what a signed time may differ, where the provider signs one. */
function limitOf(source: Source | undefined): number {
  if (!source || !PROVIDERS[source.provider].ownSettings.includes('toleranceSeconds')) {
    return TOO_FAR_SECONDS
  }
  return Math.min(TOO_FAR_SECONDS, source.toleranceSeconds / 2)
}

/** By the receiver's own word; else by the answer's date, which may be a balancer's. */
function readAhead(answer: Exchange & { isAnswered: true }): number | undefined {
  const told = readSeen(answer)?.at ?? answer.headers.date
  const at = told === undefined ? Number.NaN : Date.parse(told)
  const middle = (answer.sentAt + answer.answeredAt) / 2
  return Number.isNaN(at) ? undefined : at - middle
}
