import type { Random } from './random.ts'
import { pickFrom, randomUuid } from './random.ts'
import type { SampleEvent, SampleFacts } from './sample-facts.ts'

const BOUNCES = [
  { bounce_type: 'permanent', code: '550', reason: 'Sample: no such mailbox' },
  { bounce_type: 'temporary', code: '452', reason: 'Sample: mailbox is full' },
] as const

// Only `delivered_at` is published; the other details are a guess.
const DETAILS: Readonly<Record<string, (facts: SampleFacts) => SampleEvent>> = {
  delivered: ({ occurredAt }) => ({ delivered_at: new Date(occurredAt).toISOString() }),
  bounced: ({ random }) => pickFrom(BOUNCES, random),
  deferred: () => ({ code: '451', reason: 'Sample: come back in a while' }),
  opened: ({ random }) => ({ ip: address(random) }),
  clicked: ({ random }) => ({ ip: address(random), url: 'https://shop.example.com/?from=mail' }),
}

/** An event in the shape of MailingAPI's. */
export function mailingApiSample(facts: SampleFacts): SampleEvent {
  const { type, mail, occurredAt, random } = facts
  return {
    id: `evt_${randomUuid(random).replaceAll('-', '').slice(0, 20)}`,
    type,
    timestamp: new Date(occurredAt).toISOString(),
    data: {
      message_id: mail.messageId,
      from: 'shop@example.com',
      to: mail.recipient,
      subject: mail.category,
      metadata: { customer: `c-${Math.floor(random() * 1_000)}` },
      ...DETAILS[type]?.(facts),
    },
  }
}

function address(random: Random): string {
  return `203.0.113.${1 + Math.floor(random() * 254)}`
}
