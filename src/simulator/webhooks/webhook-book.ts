import { type Webhook, webhookKey } from './webhook.ts'

/** The webhooks of both providers, oldest first. */
export interface WebhookBook {
  list(): readonly Webhook[]
  ofProvider<Name extends Webhook['provider']>(
    provider: Name,
  ): readonly Extract<Webhook, { provider: Name }>[]
  find(key: string): Webhook | undefined
  /** Adds it, or puts it in the place of the one with its key. */
  put(webhook: Webhook): void
  remove(key: string): void
  /** For Mailtrap's next one. */
  nextNumber(): number
}

const FIRST_NUMBER = 9001

export function createWebhookBook(kept: readonly Webhook[] = []): WebhookBook {
  const webhooks = new Map(kept.map((webhook) => [webhookKey(webhook), webhook]))
  const numbers = kept.map(({ id }) => (typeof id === 'number' ? id : 0))
  let next = Math.max(FIRST_NUMBER - 1, ...numbers)
  return {
    list: () => [...webhooks.values()],
    ofProvider: <Name extends Webhook['provider']>(provider: Name) =>
      [...webhooks.values()].filter(
        (webhook): webhook is Extract<Webhook, { provider: Name }> => webhook.provider === provider,
      ),
    find: (key) => webhooks.get(key),
    put: (webhook) => void webhooks.set(webhookKey(webhook), webhook),
    remove: (key) => void webhooks.delete(key),
    nextNumber: () => ++next,
  }
}
