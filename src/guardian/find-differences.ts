import { type OwnWebhook, showWebhookUrl } from './find-own-webhooks.ts'
import type { ProviderWebhook } from './management-api.ts'

/**
 * In what a webhook is not as it should be, apart from being paused, as sentences without a secret.
 * It should let itself in at its source, and be as it was when it was seen first.
 */
export function findDifferences(
  { webhook, source }: OwnWebhook,
  first: ProviderWebhook | undefined,
): string[] {
  const url = new URL(webhook.url)
  return [
    ...missingToken(url, source.urlToken),
    ...missingCredentials(url, source.basicAuth),
    ...(first === undefined ? [] : changesSince(first, webhook)),
  ]
}

function missingToken(url: URL, token: string | undefined): string[] {
  if (token === undefined || url.searchParams.get('token') === token) return []
  return ['Its URL lacks the token that URL_TOKEN demands: every batch is refused. Add ?token=….']
}

function missingCredentials(url: URL, basicAuth: string | undefined): string[] {
  if (basicAuth === undefined) return []
  const given = `${decode(url.username)}:${decode(url.password)}`
  // An API may hide the password behind asterisks.
  if (given === basicAuth || /^\*+$/.test(decode(url.password))) return []
  return [
    'Its URL lacks the user and password that BASIC_AUTH demands: every batch is refused. Add them: https://<user>:<password>@….',
  ]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function changesSince(first: ProviderWebhook, now: ProviderWebhook): string[] {
  const facts: readonly (readonly [name: string, was: string, is: string])[] = [
    ['URL', showWebhookUrl(first.url), showWebhookUrl(now.url)],
    ['payload format', first.format ?? 'none', now.format ?? 'none'],
    ['event types', listNames(first.eventTypes), listNames(now.eventTypes)],
    ['type', first.type ?? 'none', now.type ?? 'none'],
  ]
  return facts
    .filter(([, was, is]) => was !== is)
    .map(([name, was, is]) => `Its ${name} was ${was} and is ${is}.`)
}

function listNames(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
