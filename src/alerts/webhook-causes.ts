import { formatSpan } from '../counted.ts'
import { type GuardianFigures, NEAR_PAUSE_RETRIES } from '../observe/figures.ts'
import type { Causes } from './cause.ts'

const GUARDIAN_PATIENCE_MS = 900_000
const DAY_MS = 86_400_000
const TOKEN_DAYS_MS = 14 * DAY_MS

/** What is wrong with our webhooks at the provider, as far as the guardian saw it. */
export function* findWebhookCauses(figures: {
  readonly at: number
  readonly guardian: GuardianFigures | undefined
}): Causes {
  const { at, guardian } = figures
  if (!guardian) return
  yield* findOutages(guardian, at)
  yield* findPaused(guardian)
  yield* findDiffering(guardian)
  yield* findBlind(guardian, at)
}

function* findOutages({ outage, lastOutage }: GuardianFigures, at: number): Causes {
  if (outage && outage.retriesUsed >= NEAR_PAUSE_RETRIES) {
    const { beganAt, durationMs, retriesUsed, retriesLimit } = outage
    yield {
      cause: 'outage',
      since: beganAt,
      text: `Nothing was accepted for ${formatSpan(durationMs)}: about ${retriesUsed} of the provider’s ${retriesLimit} retries are used, and after the last one it pauses the webhook.`,
      remedy: 'Bring the receiver back before that, or resume the webhook afterwards.',
    }
  }
  // The provider may have given up: somebody has to ask what happened.
  if (!lastOutage || lastOutage.retriesUsed < lastOutage.retriesLimit) return
  const { beganAt, durationMs } = lastOutage
  const endedAt = beganAt + durationMs
  if (at - endedAt >= DAY_MS) return
  const [from, to] = [beganAt, endedAt].map((time) => new Date(time).toISOString())
  yield {
    cause: 'outage_outlived_retries',
    since: endedAt,
    text: `Nothing was accepted for ${formatSpan(durationMs)}, longer than the provider tries: events may be missing.`,
    remedy: `Ask for them: mailtrap-receiver backfill --from ${from} --to ${to}; if the webhook was paused for longer, to when it was resumed.`,
  }
}

function* findPaused({ webhooks }: GuardianFigures): Causes {
  for (const { id, source, isPaused } of webhooks) {
    if (!isPaused) continue
    yield {
      cause: `webhook_paused:${id}`,
      text: `Webhook ${id} of the source ${source} is paused: the provider sends nothing to it.`,
      remedy: `Resume it: mailtrap-receiver webhooks resume ${id}, or set GUARDIAN_RESUME=true.`,
    }
  }
}

/** All problems of a webhook or source but that it is paused. */
function* findDiffering({ webhooks, problems }: GuardianFigures): Causes {
  const paused = new Set(webhooks.filter(({ isPaused }) => isPaused).map(({ id }) => id))
  const groups = new Map<string, string[]>()
  for (const { webhook, source, text } of problems) {
    if (webhook !== undefined && paused.has(webhook) && text.startsWith('It is paused')) continue
    const name = String(webhook ?? source ?? 'all')
    groups.set(name, [...(groups.get(name) ?? []), text])
  }
  for (const [name, texts] of groups) {
    yield {
      cause: `webhook_differs:${name}`,
      text: `The webhooks at the provider are not as they should be (${name}): ${texts.join(' ')}`,
      remedy: 'mailtrap-receiver webhooks list shows them, webhooks update changes one.',
    }
  }
}

function* findBlind(guardian: GuardianFigures, at: number): Causes {
  const { failure, lookedAt, startedAt, tokenExpiresAt } = guardian
  const since = lookedAt ?? startedAt
  if (failure !== undefined && at - since >= GUARDIAN_PATIENCE_MS) {
    yield {
      cause: 'guardian_blind',
      since,
      text: `The provider’s management API did not answer for ${formatSpan(at - since)}: a paused webhook would not be noticed.`,
      remedy:
        'mailtrap-receiver stats says why; check MAILTRAP_API_TOKEN and the way to the provider.',
    }
  }
  if (tokenExpiresAt === undefined || tokenExpiresAt - at > TOKEN_DAYS_MS) return
  const left = tokenExpiresAt - at
  yield {
    cause: 'token_expires',
    since: tokenExpiresAt - TOKEN_DAYS_MS,
    text: `The API token of MAILTRAP_API_TOKEN ${left > 0 ? `expires in ${formatSpan(left)}` : 'has expired'}: from then on nobody watches the webhooks.`,
    remedy: 'Make another at Mailtrap, Settings, API Tokens, and set it.',
  }
}
