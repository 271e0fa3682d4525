import type { EventFacts, NormalisedName, ProviderName } from '../model.ts'
import { readObject, readText } from './read-value.ts'

/** An e-mail event in the form that is the same for every provider. */
export interface NormalisedEvent {
  readonly name: NormalisedName
  readonly provider: ProviderName
  /** The provider's id of the event. */
  readonly id: string | undefined
  /** ISO 8601, UTC; undefined when the provider gave no readable time. */
  readonly occurredAt: string | undefined
  readonly recipient: string | undefined
  readonly messageId: string | undefined
  /**
   * Orders the states of one message: never let an event with a lower rank overwrite one with a
   * higher rank. suspended 1, deferred 2, delivered 3, opened 4, clicked 5, unsubscribed 6,
   * rejected 7, bounced 7 (2 when its permanence is `temporary`), complained 8.
   */
  readonly rank: number
  /** Only for deferred and bounced. */
  readonly bounce:
    | {
        /** `unknown`: the provider did not say. Do not suppress a recipient on that alone. */
        readonly permanence: 'permanent' | 'temporary' | 'unknown'
        readonly code: number | undefined
        readonly category: string | undefined
        readonly response: string | undefined
      }
    | undefined
  /** Only for rejected and suspended: free text. */
  readonly reason: string | undefined
  /** Only for clicked. */
  readonly url: string | undefined
  /** Only for opened, clicked and unsubscribed. */
  readonly client:
    | { readonly ip: string | undefined; readonly userAgent: string | undefined }
    | undefined
  /** What the app team attached when sending: Mailtrap's custom_variables, MailingAPI's metadata. */
  readonly variables: Readonly<Record<string, unknown>>
  /** The event as received, parsed. */
  readonly original: Readonly<Record<string, unknown>>
}

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
