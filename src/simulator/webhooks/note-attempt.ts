import type { AttemptEnd } from '../sending/webhook-queue.ts'
import type { MailingApiWebhook, Webhook } from './webhook.ts'

/** From so many failures in a row on, MailingAPI calls a webhook failing. Assumed. */
const FAILING_FROM = 3

/** The webhook as the provider sees it after an attempt that ended so. */
export function noteAttempt(webhook: Webhook, end: AttemptEnd, now: number): Webhook {
  if (webhook.provider === 'mailingapi') return noteMailingApi(webhook, end, now)
  return end === 'given_up' ? { ...webhook, isActive: false } : webhook
}

function noteMailingApi(
  webhook: MailingApiWebhook,
  end: AttemptEnd,
  now: number,
): MailingApiWebhook {
  const { stats, status } = webhook
  const sent = stats.sent + 1
  if (end === 'sent') {
    const kept = { ...stats, sent, failedInARow: 0, lastSuccess: now }
    return { ...webhook, status: status === 'failing' ? 'active' : status, stats: kept }
  }
  const failedInARow = stats.failedInARow + 1
  return {
    ...webhook,
    status: statusAfterFailure(webhook, end, failedInARow),
    stats: { ...stats, sent, failed: stats.failed + 1, failedInARow, lastFailure: now },
  }
}

function statusAfterFailure(
  { status }: MailingApiWebhook,
  end: AttemptEnd,
  failedInARow: number,
): MailingApiWebhook['status'] {
  if (end === 'given_up') return 'disabled'
  return status === 'active' && failedInARow >= FAILING_FROM ? 'failing' : status
}
