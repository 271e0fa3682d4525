import type { EventFacts, ProviderName, Source } from '../model.ts'
import type { NormalisedEvent } from './normalised-event.ts'
import type { SampleEvent, SampleFacts } from './samples.ts'

/** Everything in which one provider differs from another. Pure: time comes in as an argument. */
export interface Provider {
  readonly name: ProviderName
  /** How its own requests look. */
  readonly requests: {
    /** Events in one of them, at most. */
    readonly maxEvents: number
    /** `json`: `{"events":[…]}`. `single`: one bare event. */
    readonly format: 'json' | 'single'
  }
  /** The field of an event that holds its name. */
  readonly nameField: string
  /** The field of an event that holds its id. */
  readonly idField: string
  /** Its UUIDs are deduplication keys as they are. Of one provider only: two may use the same. */
  readonly hasUuidKeys: boolean
  /** CIDR blocks from which its requests come, as published; empty: it publishes none. */
  readonly addresses: readonly string[]
  /** When it gives a batch up and pauses the webhook; undefined: not published. */
  readonly retries: { readonly count: number; readonly everyMs: number } | undefined
  /** Settings of a source that mean something for it, and not for every provider. */
  readonly ownSettings: readonly ('toleranceSeconds' | 'secretForm')[]
  /** What its signing secrets look like; undefined: anything. */
  readonly secretLook: { readonly pattern: RegExp; readonly words: string } | undefined
  /**
   * Finds the signature among the request's raw headers (name, value, name, value, …) and checks
   * its shape, before the body is read. Undefined: missing, doubled, contradictory or misshapen.
   */
  readSignature(rawHeaders: readonly string[]): string | undefined
  /**
   * Position, in `source.secrets`, of the secret that signed these bytes; -1 when none did.
   * Every secret is tried, in constant time. `now` is milliseconds since 1970.
   */
  verify(body: Uint8Array, signature: string, source: Source, now: number): number
  /** Why no secret was found, of a request that `verify` has just refused. Hashes only what it did not. */
  findFault(body: Uint8Array, signature: string, source: Source, now: number): SignatureFault
  /** Headers that a request of this provider carries for this body; for `send` and the tests. */
  sign(
    body: Uint8Array,
    source: Pick<Source, 'secrets' | 'secretForm'>,
    now: number,
  ): Record<string, string>
  /** What can be said of a parsed event; undefined when it has no event name. Never throws. */
  describe(event: Readonly<Record<string, unknown>>): EventFacts | undefined
  /** The event in the form that is the same for every provider; undefined when it has none. */
  normalise(
    event: Readonly<Record<string, unknown>>,
    facts: EventFacts,
  ): NormalisedEvent | undefined
  /**
   * The event as handlers' types promise it: known fields of the right type or absent, others
   * untouched. Never throws.
   */
  tidy(event: Readonly<Record<string, unknown>>, facts: EventFacts): Record<string, unknown>
  /** Whether an event with this id was made by a test: it is kept, and never given to handlers. */
  isTestId(eventId: string | undefined): boolean
  /**
   * The id that this event has if a back-fill puts it in; undefined: it could not. Without such a
   * function the provider has no log that can be asked afterwards, and nothing to fill from.
   */
  readonly backfillId?: (
    facts: Pick<EventFacts, 'type' | 'messageId' | 'occurredAt'>,
  ) => string | undefined
  /** An event with such an id, always the same. */
  makeTestEvent(): Record<string, unknown>
  /** An event of a type, made up; undefined: there is no such type. For `simulate`, `send` and tests. */
  makeSample(facts: SampleFacts): SampleEvent | undefined
}

/** How its requests are signed. */
export type Signatures = Pick<Provider, 'readSignature' | 'verify' | 'findFault' | 'sign'>

/** What is wrong with a request's signature. */
interface SignatureFault {
  /** The latter two: a secret fits, the time does not. */
  readonly reason: 'signature' | 'signature_time' | 'signature_milliseconds'
  /** How far the signed time is ahead of ours; negative: behind. */
  readonly aheadSeconds?: number
}

/** The type of an event to which its provider gave no name that could be read. */
const NAMELESS = '(no name)'

/** What can be said of an object that is an event by its place, though it has no name; an empty one is none. */
export function describeNameless(
  provider: Pick<Provider, 'describe' | 'nameField'>,
  event: Readonly<Record<string, unknown>>,
): EventFacts | undefined {
  if (Object.keys(event).length === 0) return undefined
  return provider.describe({ ...event, [provider.nameField]: NAMELESS })
}
