import type { NormalisedName, ProviderName } from '../model.ts'
import type { AnyEvent } from './handler-events.ts'

/** A handler's log. Its lines go to the receiver's log, with the handler's name. */
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
  readonly receivedAt: Date
  /** Undefined when the provider gave no readable time. */
  readonly occurredAt: Date | undefined
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

/** The second argument of the functions of `on`. */
export interface HandlerContext extends AttemptInfo, HandlerMeans {
  /** The handler's name. */
  readonly handler: string
}

/** The second argument of `onBatch`. */
export interface BatchContext extends HandlerMeans {
  /** The handler's name. */
  readonly handler: string
}
