import type { GuardianFigures, WebhookProblem } from '../observe/figures.ts'
import type { Cause } from './cause.ts'
import { span } from './words.ts'

/** From here on somebody has to be told that the webhook will soon be paused. */
const NEAR_PAUSE_RETRIES = 30
const GUARDIAN_PATIENCE_MS = 900_000
const DAY_MS = 86_400_000
const TOKEN_DAYS_MS = 14 * DAY_MS

/** What is wrong with our webhooks at the provider, as far as the guardian saw it. */
export function findWebhookCauses(figures: {
  readonly at: number
  readonly guardian: GuardianFigures | undefined
}): Cause[] {
  const { at, guardian } = figures
  if (!guardian) return []
  return [
    ...findOutage(guardian),
    ...findLost(guardian, at),
    ...findPaused(guardian),
    ...findDiffering(guardian),
    ...findBlind(guardian, at),
    ...findToken(guardian, at),
  ]
}

function findOutage({ outage }: GuardianFigures): Cause[] {
  if (!outage || outage.retriesUsed < NEAR_PAUSE_RETRIES) return []
  const { beganAt, durationMs, retriesUsed, retriesLimit } = outage
  return [
    {
      cause: 'outage',
      since: beganAt,
      text: `Nothing was accepted for ${span(durationMs)}: about ${retriesUsed} of the provider’s ${retriesLimit} retries are used, and after the last one it pauses the webhook.`,
      remedy: 'Bring the receiver back before that, or resume the webhook afterwards.',
    },
  ]
}

/** The provider may have given up: somebody has to ask what happened. */
function findLost({ lastOutage }: GuardianFigures, at: number): Cause[] {
  if (!lastOutage || lastOutage.retriesUsed < lastOutage.retriesLimit) return []
  const { beganAt, durationMs } = lastOutage
  const endedAt = beganAt + durationMs
  if (at - endedAt >= DAY_MS) return []
  const [from, to] = [beganAt, endedAt].map((time) => new Date(time).toISOString())
  return [
    {
      cause: 'outage_outlived_retries',
      since: endedAt,
      text: `Nothing was accepted for ${span(durationMs)}, longer than the provider tries: events may be missing.`,
      remedy: `Ask for them: mailtrap-receiver backfill --from ${from} --to ${to}; if the webhook was paused for longer, to when it was resumed.`,
    },
  ]
}

function findPaused({ webhooks }: GuardianFigures): Cause[] {
  return webhooks
    .filter(({ isPaused }) => isPaused)
    .map(({ id, source }) => ({
      cause: `webhook_paused:${id}`,
      since: undefined,
      text: `Webhook ${id} of the source ${source} is paused: the provider sends nothing to it.`,
      remedy: `Resume it: mailtrap-receiver webhooks resume ${id}, or set GUARDIAN_RESUME=true.`,
    }))
}

/** All problems of a webhook or source but that it is paused. */
function findDiffering({ webhooks, problems }: GuardianFigures): Cause[] {
  const paused = new Set(webhooks.filter(({ isPaused }) => isPaused).map(({ id }) => id))
  const groups = new Map<string, string[]>()
  for (const { webhook, source, text } of problems) {
    if (webhook !== undefined && paused.has(webhook) && text.startsWith('It is paused')) continue
    const name = nameOf({ webhook, source })
    groups.set(name, [...(groups.get(name) ?? []), text])
  }
  return [...groups].map(([name, texts]) => ({
    cause: `webhook_differs:${name}`,
    since: undefined,
    text: `The webhooks at the provider are not as they should be (${name}): ${texts.join(' ')}`,
    remedy: 'mailtrap-receiver webhooks list shows them, webhooks update changes one.',
  }))
}

const nameOf = ({ webhook, source }: Pick<WebhookProblem, 'webhook' | 'source'>): string =>
  webhook === undefined ? (source ?? 'all') : String(webhook)

function findBlind({ failure, lookedAt, startedAt }: GuardianFigures, at: number): Cause[] {
  const since = lookedAt ?? startedAt
  if (failure === undefined || at - since < GUARDIAN_PATIENCE_MS) return []
  return [
    {
      cause: 'guardian_blind',
      since,
      text: `The provider’s management API did not answer for ${span(at - since)}: a paused webhook would not be noticed.`,
      remedy:
        'mailtrap-receiver stats says why; check MAILTRAP_API_TOKEN and the way to the provider.',
    },
  ]
}

function findToken({ tokenExpiresAt }: GuardianFigures, at: number): Cause[] {
  if (tokenExpiresAt === undefined || tokenExpiresAt - at > TOKEN_DAYS_MS) return []
  const left = tokenExpiresAt - at
  return [
    {
      cause: 'token_expires',
      since: tokenExpiresAt - TOKEN_DAYS_MS,
      text: `The API token of MAILTRAP_API_TOKEN ${left > 0 ? `expires in ${span(left)}` : 'has expired'}: from then on nobody watches the webhooks.`,
      remedy: 'Make another at Mailtrap, Settings, API Tokens, and set it.',
    },
  ]
}
