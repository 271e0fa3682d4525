import type { Fields } from './api-refusal.ts'

/** A provider's management API. Every call rejects with an ApiRefusal or a CommandFailure. */
export interface WebhookApi {
  list(): Promise<readonly Fields[]>
  get(id: string): Promise<Fields>
  /** The only answer with the secret. */
  create(fields: Fields): Promise<CreatedWebhook>
  update(id: string, changes: Fields): Promise<Fields>
  /** Answers the deleted webhook, where the provider does. */
  delete(id: string): Promise<Fields | undefined>
  /** The change that pauses a webhook or lets it go on. */
  readonly changeTo: Readonly<Record<'paused' | 'active', Fields>>
}

export interface CreatedWebhook {
  /** Without the secret. */
  readonly webhook: Fields
  readonly secret: string
}
