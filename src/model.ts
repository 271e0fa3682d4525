/**
 * The words of this project and their types. Imports nothing.
 *
 * | word       | means                                                                          |
 * |------------|--------------------------------------------------------------------------------|
 * | provider   | a sending system: `mailtrap` or `mailingapi`                                   |
 * | source     | one configured endpoint of a provider, with its own secrets                    |
 * | batch      | the body of one authentic request                                              |
 * | piece      | one part of a batch that should be an event                                    |
 * | event      | one JSON object in a batch                                                     |
 * | page       | up to 500 events of a batch that are unpacked and stored together              |
 * | handler    | what an app team wants done with events: a module of theirs, or a built-in one |
 * | run        | the events of a page of a batch that one handler is to run                     |
 * | job        | one event to be run by one handler                                             |
 * | attempt    | one call of a handler for a job                                                |
 * | outcome    | how an attempt ended: done, retry or dead                                      |
 * | key        | what makes a repeated event harmless                                           |
 * | duplicate  | an event whose key was known: counted, and stored no second time               |
 * | quarantine | what was authentic but could not be read                                       |
 * | spool      | where batches wait while PostgreSQL is away                                    |
 * | conflict   | same id as an earlier event, other content                                     |
 * | stale      | from a time whose keys were already pruned here                                |
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

/** Handlers that need no module, by the key that makes one in the settings. */
export const BUILT_IN_KINDS = ['forward', 'table', 'publish'] as const
export type BuiltInKind = (typeof BUILT_IN_KINDS)[number]

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
  /** Silent for longer, it is a cause for an alert. Undefined: by what is usual for it. */
  readonly silentAfterMs?: number
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

/** The bytes of a batch, and what they are known by. */
export type HashedBody = Pick<Batch, 'sha256' | 'body'>

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
  'too_many',
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
  /** Identifies the event for deduplication, exactly as received; undefined: its content does. */
  readonly identity: string | undefined
  /** When it happened, milliseconds since 1970; undefined when absent or absurd. */
  readonly occurredAt: number | undefined
  readonly recipient: string | undefined
  readonly messageId: string | undefined
  /** Made by a provider's test button: stored, never given to handlers. */
  readonly isTest: boolean
}

/**
 * The states of a job, whether it has a row or is a bit of its run. One that runs is still pending; one
 * that a person has discarded was dead, and runs no more.
 */
export const JOB_STATES = ['pending', 'done', 'dead', 'discarded'] as const
export type JobState = (typeof JOB_STATES)[number]

/** Every event is in exactly one of these. */
export const EVENT_STATES = ['pending', 'done', 'dead', 'unhandled', 'conflict', 'stale'] as const
export type EventState = (typeof EVENT_STATES)[number]

/** Of events and of jobs, by which both may be run again. What is pending runs anyway. */
export const REPLAYED_STATES = [
  'done',
  'dead',
  'discarded',
  'unhandled',
  'conflict',
  'stale',
] as const

/** How an attempt ended. */
export type Outcome =
  | { readonly kind: 'done' }
  /** Failed; due again after the delay. `isSpared`: it counts for no retry schedule. */
  | {
      readonly kind: 'retry'
      readonly error: string
      readonly delayMs: number
      readonly isSpared?: boolean
    }
  /** Failed for good. */
  | { readonly kind: 'dead'; readonly error: string }
  /** May have ended its process, as may others: due at once, alone, and not counted. */
  | { readonly kind: 'alone'; readonly error: string }
  /** Never started: due again at once, the attempt not counted. */
  | { readonly kind: 'released' }

/** How a handler may be called: a name that stands in addresses, cursors and logs as it is. */
export const HANDLER_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/**
 * Fields of an event as received, dots lead into others; an event has to have one of the values of each
 * to be wanted. Values as text.
 */
export type Where = Readonly<Record<string, readonly string[]>>

/** So many calls in a time, on average, of all replicas together. A call may have many events. */
export interface Rate {
  readonly attempts: number
  readonly perMs: number
}

/** What is set for a handler that needs no module; as JSON it goes to its process, and nowhere else. */
export interface BuiltIn {
  readonly kind: BuiltInKind
  readonly name: string
  /** Keys of the events it takes. */
  readonly events: readonly string[]
  /** What its kind needs, see `built-in-options.ts`. May hold secrets. */
  readonly options: object
}

/** What is set for one handler; the same from the settings to its process. */
export interface HandlerSettings {
  /** Absolute path, or `built-in:log`; of a built-in handler `built-in:<kind>`, or that with `/<name>`. */
  readonly module: string
  /** Undefined: the handler is a module. */
  readonly builtIn?: BuiltIn | undefined
  /** Undefined: it wants all events that its keys name. */
  readonly where?: Where | undefined
  /** Undefined: as many attempts as it gets through. */
  readonly rate?: Rate | undefined
  /** Attempts at once; for `onBatch`, calls at once. Undefined: 10; for `onBatch` 1. */
  readonly concurrency: number | undefined
  /** One attempt. */
  readonly timeoutMs: number
  /** Waits between attempts; after the last one the job is dead. */
  readonly retryDelaysMs: readonly number[]
  /** Heap of its process. */
  readonly maxHeapBytes: number
}

/** What the receiver knows of a handler without running its code. */
export interface HandlerRegistration {
  readonly name: string
  /** Absolute path of its module. */
  readonly module: string
  /** The keys of `on`; `['*']`-like keys included. */
  readonly keys: readonly string[]
  /** True for `onBatch`. */
  readonly takesBatches: boolean
  /** As set: of the events that its keys name it wants only these. */
  readonly where?: Where | undefined
}
