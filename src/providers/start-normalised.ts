import type { EventFacts, NormalisedName, ProviderName } from '../model.ts'
import type { NormalisedEvent } from './normalised-event.ts'
import { readObject, readText } from './read-value.ts'

const RANKS: Readonly<Record<NormalisedName, number>> = {
  'email.suspended': 1,
  'email.deferred': 2,
  'email.delivered': 3,
  'email.opened': 4,
  'email.clicked': 5,
  'email.unsubscribed': 6,
  'email.rejected': 7,
  'email.bounced': 7,
  'email.complained': 8,
}

const WITH_CLIENT: readonly NormalisedName[] = [
  'email.opened',
  'email.clicked',
  'email.unsubscribed',
]

interface NormalisedStart {
  readonly provider: ProviderName
  readonly name: NormalisedName
  readonly facts: EventFacts
  readonly original: Readonly<Record<string, unknown>>
  /** The object of the event that holds `ip`, `user_agent` and `url`. */
  readonly details: Readonly<Record<string, unknown>>
  readonly variables: unknown
}

/** The part of a normalised event that is found the same way for every provider. */
export function startNormalised(start: NormalisedStart): NormalisedEvent {
  const { provider, name, facts, original, details } = start
  return {
    name,
    provider,
    id: facts.eventId,
    occurredAt:
      facts.occurredAt === undefined ? undefined : new Date(facts.occurredAt).toISOString(),
    recipient: facts.recipient,
    messageId: facts.messageId,
    rank: RANKS[name],
    bounce: undefined,
    reason: undefined,
    url: name === 'email.clicked' ? readText(details.url) : undefined,
    client: WITH_CLIENT.includes(name)
      ? { ip: readText(details.ip), userAgent: readText(details.user_agent) }
      : undefined,
    variables: readObject(start.variables),
    original,
  }
}

/** One that is only for now may still be followed by `email.delivered`, as a deferral may. */
export function rankBounce(permanence: 'permanent' | 'temporary' | 'unknown'): number {
  return RANKS[permanence === 'temporary' ? 'email.deferred' : 'email.bounced']
}
