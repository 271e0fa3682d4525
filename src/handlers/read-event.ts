import type { EventFacts, ProviderName } from '../model.ts'
import { parsePayload } from '../providers/parse-payload.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { chooseKey, isNormalisedKey, type NamedEvent } from './event-keys.ts'
import { PermanentError } from './permanent-error.ts'

interface StoredEvent extends NamedEvent {
  readonly provider: ProviderName
  readonly payload: string
}

/** An event in the form that its key promises. */
export interface ReadEvent {
  /** The key that takes the event. */
  readonly matched: string
  readonly event: unknown
  /** As received, parsed. */
  readonly original: Readonly<Record<string, unknown>>
}

/** Reads a stored event for a handler with these keys. Throws a PermanentError when it cannot. */
export function readEvent(keys: readonly string[], stored: StoredEvent): ReadEvent {
  const matched = chooseKey(keys, stored)
  if (matched === undefined) {
    throw new PermanentError(
      `The handler no longer takes ${JSON.stringify(stored.type)} events. Replay it once it does.`,
    )
  }
  const { facts, fields } = readFields(stored)
  const provider = PROVIDERS[stored.provider]
  const event = isNormalisedKey(matched)
    ? provider.normalise(fields, facts)
    : provider.tidy(fields, facts)
  if (event === undefined) throw new PermanentError(`The event has no form for ${matched}.`)
  return { matched, event, original: fields }
}

function readFields({ provider, payload }: StoredEvent): {
  facts: EventFacts
  fields: Record<string, unknown>
} {
  const fields = parseStored(payload)
  const facts = PROVIDERS[provider].describe(fields)
  if (facts === undefined) throw new PermanentError('The stored event has no name any more.')
  return { facts, fields }
}

/** The reader's own words would quote the event. */
function parseStored(payload: string): Record<string, unknown> {
  try {
    return parsePayload(payload)
  } catch {
    throw new PermanentError('The stored text of the event cannot be read.')
  }
}
