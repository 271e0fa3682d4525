/**
 * The words of this project and their types. Imports nothing.
 *
 * | word       | means                                                              |
 * |------------|--------------------------------------------------------------------|
 * | provider   | a sending system: `mailtrap` or `mailingapi`                       |
 * | source     | one configured endpoint of a provider, with its own secrets        |
 * | batch      | the body of one authentic request                                  |
 * | piece      | one part of a batch that should be an event                        |
 * | event      | one JSON object in a batch                                         |
 * | handler    | a module that an app team writes                                   |
 * | job        | one event to be run by one handler                                 |
 * | attempt    | one run of a job                                                   |
 * | outcome    | how an attempt ended: done, retry or dead                          |
 * | key        | what makes a repeated event harmless                               |
 * | quarantine | what was authentic but could not be read                           |
 * | conflict   | same id as an earlier event, other content                         |
 * | stale      | from a time whose keys were already pruned here                    |
 */

export const PROVIDER_NAMES = ['mailtrap', 'mailingapi'] as const
export type ProviderName = (typeof PROVIDER_NAMES)[number]
/** Where nothing else is said. */
export const DEFAULT_PROVIDER = 'mailtrap' satisfies ProviderName

/** Names that mean the same for every provider. */
export const NORMALISED_NAMES = [
  'email.delivered',
  'email.deferred',
  'email.bounced',
  'email.opened',
  'email.clicked',
  'email.unsubscribed',
  'email.complained',
  'email.rejected',
  'email.suspended',
] as const
export type NormalisedName = (typeof NORMALISED_NAMES)[number]

/** Given instead of a module's path: the handler that only logs, which is part of the receiver. */
export const BUILT_IN_LOG = 'built-in:log'

/** How a MailingAPI secret becomes a key; its documents do not say which. */
export const SECRET_FORMS = ['raw', 'strip-prefix', 'base64'] as const
export type SecretForm = (typeof SECRET_FORMS)[number]

/** One configured endpoint, `POST /webhooks/<name>`. */
export interface Source {
  readonly name: string
  readonly provider: ProviderName
  /** Newest first. Never empty, never an empty text. */
  readonly secrets: readonly string[]
  /** CIDR blocks; empty means every address. */
  readonly allowIps: readonly string[]
  /** `user:password`, also required when set. */
  readonly basicAuth: string | undefined
  /** Also required as `?token=` when set. */
  readonly urlToken: string | undefined
  /** MailingAPI only: how far its signed time may lie from ours, both ways. Default 300. */
  readonly toleranceSeconds: number
  /** MailingAPI only. Default `raw`. */
  readonly secretForm: SecretForm
}

/** The body of one authentic request, as it goes into the journal. */
export interface Batch {
  /** UUID, version 7; made on receipt, told to the client. */
  readonly id: string
  readonly source: string
  readonly provider: ProviderName
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  /** As received; a hint only. */
  readonly contentType: string | undefined
  /** SHA-256 of `body`, hex. Checked again before unpacking: a disk may flip a bit. */
  readonly sha256: string
  readonly body: Uint8Array
}

/** Fields of events that are not kept as they came; dots lead into others, lists are gone through. */
export interface RedactRules {
  readonly drop: readonly string[]
  readonly hash: readonly string[]
}

/** The rules of every source, and the key of the hashes. */
export interface Redaction {
  readonly key: string
  /** For sources that are not in `bySource`. */
  readonly common: RedactRules | undefined
  /** Undefined here: nothing of this source is redacted. */
  readonly bySource: Readonly<Record<string, RedactRules | undefined>>
}

/** Reasons for which a piece, or a whole body, ends in quarantine. */
export const QUARANTINE_REASONS = [
  'invalid_json',
  'invalid_utf8',
  'not_an_object',
  'no_event_name',
  'no_events',
  'too_deep',
  'too_large',
  'corrupt',
] as const
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number]

/** What a provider's folder can say of one parsed event without I/O. */
export interface EventFacts {
  /** The provider's payload name, spelling normalised: `soft_bounce` becomes `soft bounce`. */
  readonly type: string
  /** The name shared by all providers, where there is one. */
  readonly name: NormalisedName | undefined
  /** The provider's own id of the event, if it gave one. */
  readonly eventId: string | undefined
  /** Text that identifies the event for deduplication; undefined: its content does. */
  readonly identity: string | undefined
  /** When it happened, milliseconds since 1970; undefined when absent or absurd. */
  readonly occurredAt: number | undefined
  readonly recipient: string | undefined
  readonly messageId: string | undefined
  /** Made by a provider's test button: stored, never given to handlers. */
  readonly isTest: boolean
}

/**
 * One event, read from a batch and ready to be stored. Its recipient is in lower case, to be found
 * however it is written.
 */
export interface UnpackedEvent extends Omit<EventFacts, 'identity' | 'isTest'> {
  /** Index of its piece in the batch, from 0. */
  readonly position: number
  /** Deduplication key: 22 characters, base64url of 128 bits. Holds no personal data. */
  readonly key: string
  /** Hash of the content without regard to key order or spacing: 12 characters, base64url. */
  readonly digest: string
  /** The exact text received. */
  readonly payload: string
  /** Names of the handlers that want it. */
  readonly handlers: readonly string[]
}

/** One piece, or a run of neighbouring pieces, that could not be read. */
export interface UnreadablePiece {
  readonly reason: QuarantineReason
  /** Index of the first piece of the run. */
  readonly position: number
  /** How many pieces the run has. */
  readonly pieces: number
  /** Where its bytes begin in the body. */
  readonly byteOffset: number
  readonly bytes: Uint8Array
  /** What the reader said, without content of the piece. */
  readonly detail: string
}

/** The states of a job. A claimed job is still pending: its `dueAt` is then its lease. */
export type JobState = 'pending' | 'done' | 'dead'

/** Every event is in exactly one of these. */
export const EVENT_STATES = ['pending', 'done', 'dead', 'unhandled', 'conflict', 'stale'] as const
export type EventState = (typeof EVENT_STATES)[number]

/** A job that this process may run until `leaseUntil`. */
export interface ClaimedJob {
  /** The store's id of the event. */
  readonly event: string
  readonly handler: string
  /** 1 for the first attempt, and for the first after a replay. */
  readonly attempt: number
  /** Names the attempt among all of the job, replays and releases included: never the same twice. */
  readonly fence: number
  /** With which the event came. */
  readonly batch: string
  readonly provider: ProviderName
  readonly source: string
  readonly type: string
  readonly name: NormalisedName | undefined
  readonly key: string
  readonly receivedAt: number
  readonly occurredAt: number | undefined
  readonly payload: string
}

/** How an attempt ended. */
export type Outcome =
  | { readonly kind: 'done' }
  /** Failed; due again at `dueAt`, milliseconds since 1970. */
  | { readonly kind: 'retry'; readonly error: string; readonly delayMs: number }
  /** Failed for good. */
  | { readonly kind: 'dead'; readonly error: string }
  /** Never started (its process died first): due again now, the attempt not counted. */
  | { readonly kind: 'released' }

/** One attempt of one job. */
export type AttemptName = Pick<ClaimedJob, 'event' | 'handler' | 'attempt' | 'fence'>

/** An outcome with the attempt it belongs to. */
export interface SettledAttempt extends AttemptName {
  /** How long the attempt ran. */
  readonly durationMs: number
  readonly outcome: Outcome
}

/** How a handler may be called: a name that stands in addresses, cursors and logs as it is. */
export const HANDLER_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/** What the receiver knows of a handler without running its code. */
export interface HandlerRegistration {
  readonly name: string
  /** Absolute path of its module. */
  readonly module: string
  /** The keys of `on`; `['*']`-like keys included. */
  readonly keys: readonly string[]
  /** True for `onBatch`. */
  readonly takesBatches: boolean
}
