import { createHash } from 'node:crypto'
import { standardHeaders } from '../standard-webhooks.ts'
import type { AlertState, Telling } from './telling.ts'

/** Where alerts go. */
export interface AlertTarget {
  /** May hold a secret: never to be shown. */
  readonly url: string
  /** Of Standard Webhooks: base64, `whsec_` before it or not. */
  readonly secret: string | undefined
}

/** Its cause may also be `test`; its text says what to do as well. */
export interface AlertMessage extends Omit<Telling, 'remedy'> {
  /** Which receiver tells it. */
  readonly receiver: string
}

/** Why an alert could not be sent, as a sentence without the address. */
export class AlertFailure extends Error {
  override readonly name = 'AlertFailure'
}

const SLACK_HOSTS: ReadonlySet<string> = new Set(['hooks.slack.com', 'hooks.slack-gov.com'])
const MAX_DETAIL = 200

/** Posts one message; answers the status. Rejects with an AlertFailure for everything but 2xx. */
export async function sendAlert(
  { url, secret }: AlertTarget,
  message: AlertMessage,
  { now, signal, timeoutMs = 10_000 }: { now: number; signal: AbortSignal; timeoutMs?: number },
): Promise<number> {
  const isSlack = SLACK_HOSTS.has(new URL(url).hostname)
  const body = JSON.stringify(isSlack ? slackForm(message) : plainForm(message))
  const about = { id: idOf(message), seconds: Math.floor(now / 1_000), body }
  const signature = secret === undefined ? {} : standardHeaders(about, secret)
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signature },
    body,
    // Followed, it would carry what we tell to wherever it leads.
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  }).catch((error: unknown) => {
    throw new AlertFailure(`Where ALERT_URL leads cannot be reached: ${whyOf(error)}.`)
  })
  const text = await answer.text().catch(() => '')
  if (answer.ok) return answer.status
  const told = text.replace(/\s+/g, ' ').trim().slice(0, MAX_DETAIL)
  throw new AlertFailure(
    `Where ALERT_URL leads answered ${answer.status}${told === '' ? '' : ` (${told})`}.`,
  )
}

function plainForm({ cause, state, since, text, receiver }: AlertMessage) {
  return { cause, state, since: new Date(since).toISOString(), text, receiver }
}

const TITLES: Readonly<Record<AlertState, string>> = {
  began: '',
  grew: 'More of it. ',
  ended: 'Over: ',
}

/** Slack takes `&`, `<` and `>` for its own. */
function slackForm({ state, since, text, receiver }: AlertMessage) {
  const whole = `${receiver}: ${TITLES[state]}${text} (since ${new Date(since).toISOString()})`
  return { text: whole.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;') }
}

/** The same when it is sent again, so that who receives it can tell. */
function idOf({ receiver, cause, state, since }: AlertMessage): string {
  const about = createHash('sha256').update(JSON.stringify([receiver, cause, state, since]))
  return `msg_${about.digest('hex').slice(0, 32)}`
}

/** Errors of fetch may hold the address: their codes do not. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'TimeoutError') return 'no answer in time'
  if (error.name === 'AbortError') return 'stopped'
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'no connection'
}
