import type { NormalisedName, ProviderName } from '../model.ts'
import type { MailingApiEventMap } from '../providers/mailingapi/events.ts'
import type { MailtrapAuditEvent, MailtrapEventMap } from '../providers/mailtrap/events.ts'
import type { NormalisedEvent } from '../providers/normalised-event.ts'

/** A whole name, `activity_log.user.updated`, or a wildcard, `activity_log.user.*`. */
export type AuditKey = `activity_log.${string}`

/** What a handler may ask for. */
export type EventKey =
  | keyof MailtrapEventMap
  | AuditKey
  | keyof MailingApiEventMap
  | NormalisedName
  | '*'

/** An event with whatever fields it has. */
export type AnyEvent = Readonly<Record<string, unknown>>

/** A normalised event whose name is known. Deferred and bounced ones always have `bounce`. */
export type NormalisedEventFor<Name extends NormalisedName> = NormalisedEvent & {
  readonly name: Name
} & (Name extends 'email.bounced' | 'email.deferred'
    ? { readonly bounce: NonNullable<NormalisedEvent['bounce']> }
    : unknown)

/** The type of the event that a key brings. */
export type EventFor<Key extends EventKey> = Key extends keyof MailtrapEventMap
  ? MailtrapEventMap[Key]
  : Key extends AuditKey
    ? MailtrapAuditEvent
    : Key extends keyof MailingApiEventMap
      ? MailingApiEventMap[Key]
      : Key extends NormalisedName
        ? NormalisedEventFor<Key>
        : AnyEvent

/**
 * A handler's log. Its lines go to the receiver's log, with the handler's name, the event and the attempt.
 * E-mail addresses in them are hidden, and so are fields named like personal data or secrets, such as
 * `email`, `ip` and `token`. More than 4,000 characters of fields are left out.
 */
export interface HandlerLog {
  debug(text: string, fields?: Readonly<Record<string, unknown>>): void
  info(text: string, fields?: Readonly<Record<string, unknown>>): void
  warn(text: string, fields?: Readonly<Record<string, unknown>>): void
  error(text: string, fields?: Readonly<Record<string, unknown>>): void
}

/** What is known of an event and of this attempt to handle it. */
export interface AttemptInfo {
  /** 1 for the first attempt. */
  readonly attempt: number
  /** The same for every attempt of this handler at this event. Use it as a unique key. */
  readonly idempotencyKey: string
  readonly provider: ProviderName
  /** The configured endpoint at which the event arrived. */
  readonly source: string
  /** The provider's own name of the event. */
  readonly type: string
  /** The name shared by all providers, where there is one. */
  readonly name: NormalisedName | undefined
  /** When the event's batch arrived here. */
  readonly receivedAt: Date
  /** Undefined when the provider gave no readable time. */
  readonly occurredAt: Date | undefined
  /** The first recipient's address, as received. */
  readonly recipient: string | undefined
  /** The provider's id of the message that the event tells of. */
  readonly messageId: string | undefined
  /** The exact text received. */
  readonly payload: string
  /** The event as received, parsed: holds also the fields that its type does not list. */
  readonly original: AnyEvent
}

/** The means a handler is given. */
export interface HandlerMeans {
  readonly log: HandlerLog
  /** Aborted when the attempt's time is up, or the receiver stops. Hand it to `fetch` and the like. */
  readonly signal: AbortSignal
}

/** The second argument of `onBatch`. */
export interface BatchContext extends HandlerMeans {
  /** The handler's name. */
  readonly handler: string
}

/** The second argument of the functions of `on`. */
export type HandlerContext = AttemptInfo & BatchContext
