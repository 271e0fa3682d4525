import type { EventKey } from '../handler-context.ts'

/*
 * What is set for each kind of built-in handler: made by the settings, and all that the handler's own
 * process is told of them. Only what JSON can hold.
 */

/** What every kind has in common. The settings have checked the keys. */
export interface BuiltInFacts {
  readonly name: string
  readonly events: readonly EventKey[]
}

export interface BuiltInOptions {
  readonly forward: ForwardOptions
  readonly table: TableOptions
  readonly publish: PublishOptions
}

/** How an event is written for the endpoint. */
export const FORWARD_FORMATS = ['event', 'batch', 'mailtrap'] as const
export type ForwardFormat = (typeof FORWARD_FORMATS)[number]

export interface ForwardOptions {
  /** `http:` or `https:`; may hold a user and a password, or a token. */
  readonly url: string
  readonly format: ForwardFormat
  /** Of Standard Webhooks (base64, `whsec_` before it or not); for `mailtrap` the key as it is. */
  readonly secret?: string | undefined
  /** Sent with every request. May hold secrets. */
  readonly headers: Readonly<Record<string, string>>
  /** PEM of authorities that count besides the usual ones. */
  readonly ca?: string | undefined
  /** Events a request; 1 for `event`. */
  readonly batchSize: number
}

export interface TableOptions {
  /** `postgres://…`, or `http://…` or `https://…` of a ClickHouse server. May hold a password. */
  readonly url: string
  /** Of the table, perhaps with its schema or database: `mail_events`, `analytics.mail_events`. */
  readonly name: string
}

export interface PublishOptions {
  /**
   * `nats://…` or `tls://…`; with an exchange `amqp://…` or `amqps://…`, with its virtual host. May hold a
   * user and a password; for NATS also a token as user.
   */
  readonly url: string
  /** Stands before the type in the subject, or in the routing key. NATS cannot do without. */
  readonly subject?: string | undefined
  /** Of RabbitMQ. Made as a durable topic exchange when there is none of that name. */
  readonly exchange?: string | undefined
}
