import type { EventFacts, ProviderName } from '../model.ts'
import { describeNameless } from '../providers/provider.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { parsePayload } from '../providers/read-value.ts'
import { type Handler, MAX_BATCH } from './define-handler.ts'
import { chooseKey, EVERY_EVENT, isNormalisedKey, rememberNames } from './event-keys.ts'
import { PermanentError } from './handler-errors.ts'

export interface StoredEvent {
  readonly provider: ProviderName
  /** The exact text received. */
  readonly payload: string
}

/** An event in the form that its key promises. */
export interface ReadEvent {
  /** The key that takes the event. */
  readonly matched: string
  readonly event: unknown
  /** As received, parsed. */
  readonly original: Readonly<Record<string, unknown>>
  readonly facts: EventFacts
}

/** Throws a PermanentError when the event cannot be read, or no key takes it. */
type EventReader = (stored: StoredEvent) => ReadEvent

type Key = string | undefined

/** Reads stored events for a handler with these keys. Parses and describes each of them once. */
function createEventReader(keys: readonly string[]): EventReader {
  // A type has one normalised name with each provider.
  const recall = { mailtrap: rememberNames<Key>(), mailingapi: rememberNames<Key>() }
  return ({ provider: name, payload }) => {
    const provider = PROVIDERS[name]
    const original = parseStored(payload)
    const facts = provider.describe(original) ?? describeNameless(provider, original)
    if (facts === undefined) throw new PermanentError('The stored event is an empty object.')
    const matched = recall[name](facts.type, () => chooseKey(keys, facts))
    if (matched === undefined) {
      throw new PermanentError(
        `The handler no longer takes ${JSON.stringify(facts.type)} events. Replay it once it does.`,
      )
    }
    // A key for every event promises no form: the event comes as it is.
    if (matched === EVERY_EVENT) return { matched, event: { ...original }, original, facts }
    const event = isNormalisedKey(matched)
      ? provider.normalise(original, facts)
      : provider.tidy(original, facts)
    if (event === undefined) throw new PermanentError(`The event has no form for ${matched}.`)
    return { matched, event, original, facts }
  }
}

/** The reader's own words would quote the event. */
function parseStored(payload: string): Record<string, unknown> {
  try {
    return parsePayload(payload)
  } catch {
    throw new PermanentError('The stored text of the event cannot be read.')
  }
}

/** A handler, checked and ready to run. */
export interface LoadedHandler extends Handler {
  readonly name: string
  /** True for `onBatch`. */
  readonly takesBatches: boolean
  /** Events a call. */
  readonly batchSize: number
  /** Reads events for its keys. */
  readonly read: EventReader
}

/** The definition as it runs; `fallbackName` is for one without a name. */
export function toLoadedHandler(handler: Handler, fallbackName: string): LoadedHandler {
  const { name = fallbackName, keys, onBatch } = handler
  const takesBatches = onBatch !== undefined
  const batchSize = takesBatches ? (handler.batchSize ?? MAX_BATCH) : 1
  return { ...handler, name, takesBatches, batchSize, read: createEventReader(keys) }
}
