import { pickAddress, pickFrom, type SampleEvent, type SampleFacts } from '../samples.ts'

const BOUNCES = [
  { bounce_type: 'permanent', code: 550, reason: 'No such user' },
  { bounce_type: 'temporary', code: 452, reason: 'The mailbox is full' },
] as const

/** What `data` has beyond the fields of all. Only `delivered_at` is published, the rest is inferred. */
const DETAILS: Readonly<Record<string, (facts: SampleFacts) => SampleEvent>> = {
  delivered: ({ occurredAt }) => ({ delivered_at: new Date(occurredAt).toISOString() }),
  bounced: ({ random }) => pickFrom(BOUNCES, random),
  deferred: () => ({ bounce_type: 'temporary', code: 421, reason: 'Try again later' }),
  opened: client,
  clicked: (facts) => ({ ...client(facts), url: 'https://www.example.com/offer' }),
  unsubscribed: client,
  complained: () => ({}),
  inbound: () => ({}),
}

/** An event as MailingAPI sends it; undefined: it has none of that name. */
export function makeMailingApiSample(facts: SampleFacts): SampleEvent | undefined {
  const { type, mail, occurredAt, random, uuid } = facts
  const details = DETAILS[type]?.(facts)
  return (
    details && {
      id: `evt_${uuid()}`,
      type,
      timestamp: new Date(occurredAt).toISOString(),
      data: {
        message_id: `msg_${mail.messageId}`,
        from: 'sender@example.org',
        to: mail.recipient,
        subject: mail.category,
        metadata: { order_ref: `A-${1 + Math.floor(random() * 100_000)}` },
        ...details,
      },
    }
  )
}

function client({ random }: SampleFacts): SampleEvent {
  return { ip: pickAddress(random), user_agent: 'Mozilla/5.0 (X11; Linux x86_64)' }
}
