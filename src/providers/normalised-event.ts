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
  /** The first recipient's address, as received. */
  readonly recipient: string | undefined
  /** The provider's id of the message that the event tells of. */
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

const WITH_REASON: readonly NormalisedName[] = ['email.rejected', 'email.suspended']

type Bounce = NonNullable<NormalisedEvent['bounce']>

/** Where a provider's event holds what a normalised one does. */
interface EventToNormalise {
  readonly provider: ProviderName
  readonly facts: EventFacts
  readonly original: Readonly<Record<string, unknown>>
  /** The object of the event that holds `ip`, `user_agent`, `url` and `reason`. */
  readonly details: Readonly<Record<string, unknown>>
  readonly variables: unknown
  /** Whether it bounced for good. */
  readonly permanence: () => Bounce['permanence']
  readonly bounce: () => Omit<Bounce, 'permanence'>
}

/** The event in the form shared by all providers; undefined for one that has no shared name. */
export function normaliseEvent(given: EventToNormalise): NormalisedEvent | undefined {
  const { provider, facts, original, details } = given
  const { name, eventId, occurredAt, recipient, messageId } = facts
  if (name === undefined) return undefined
  const bounce = readBounce(name, given)
  return {
    name,
    provider,
    id: eventId,
    occurredAt: occurredAt === undefined ? undefined : new Date(occurredAt).toISOString(),
    recipient,
    messageId,
    // A bounce that is only for now may still be followed by `email.delivered`, as a deferral may.
    rank: RANKS[bounce?.permanence === 'temporary' ? 'email.deferred' : name],
    bounce,
    reason: WITH_REASON.includes(name) ? readText(details.reason) : undefined,
    url: name === 'email.clicked' ? readText(details.url) : undefined,
    client: WITH_CLIENT.includes(name)
      ? { ip: readText(details.ip), userAgent: readText(details.user_agent) }
      : undefined,
    variables: readObject(given.variables),
    original,
  }
}

function readBounce(
  name: NormalisedName,
  { permanence, bounce }: EventToNormalise,
): Bounce | undefined {
  if (name === 'email.deferred') return { permanence: 'temporary', ...bounce() }
  return name === 'email.bounced' ? { permanence: permanence(), ...bounce() } : undefined
}
