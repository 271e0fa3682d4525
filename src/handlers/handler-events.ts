import type { NormalisedName } from '../model.ts'
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
