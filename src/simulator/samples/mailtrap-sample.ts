import { pickFrom, type Random, randomUuid } from './random.ts'
import type { SampleEvent, SampleFacts } from './sample-facts.ts'

const SOFT_BOUNCES = [
  {
    response: '451 4.7.1 Come back in a while',
    response_code: 451,
    bounce_category: 'greylisting',
  },
  {
    response: '452 4.2.2 Mailbox is full for the moment',
    response_code: 452,
    bounce_category: 'transientfail',
  },
] as const
const BOUNCES = [
  {
    response: '550 5.1.1 No such mailbox here',
    response_code: 550,
    bounce_category: 'badrecipient',
  },
  { response: '554 5.7.1 Content not wanted', response_code: 554, bounce_category: 'content' },
  { response: '552 5.2.2 Mailbox is full', response_code: 552, bounce_category: 'overquota' },
] as const
const USER_AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) ExampleBrowser/1.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) ExampleMail/2.3',
  'ExampleImageProxy/1.0',
] as const
const DETAILS: Readonly<Record<string, (random: Random) => SampleEvent>> = {
  'soft bounce': (random) => pickFrom(SOFT_BOUNCES, random),
  bounce: (random) => pickFrom(BOUNCES, random),
  open: client,
  click: (random) => ({
    ...client(random),
    url: `https://shop.example.com/orders/${Math.floor(random() * 10_000)}?from=mail`,
  }),
  unsubscribe: client,
  suspension: () => ({ reason: 'Sample text: daily limit reached, the message waits' }),
  reject: () => ({ reason: 'Sample text: the recipient was suppressed before' }),
}

/** An event in the shape of Mailtrap's. */
export function mailtrapSample(facts: SampleFacts): SampleEvent {
  if (facts.type.startsWith('activity_log.')) return auditSample(facts)
  if (facts.type.startsWith('inbound.')) return inboundSample(facts)
  const { type, mail, occurredAt, random } = facts
  return {
    event: type,
    timestamp: Math.floor(occurredAt / 1_000),
    sending_stream: mail.category === 'Newsletter' ? 'bulk' : 'transactional',
    category: mail.category,
    custom_variables: { order_ref: `A-${Math.floor(random() * 100_000)}` },
    message_id: mail.messageId,
    email: mail.recipient,
    event_id: randomUuid(random),
    ...DETAILS[type]?.(random),
    sending_domain_name: 'mail.example.com',
  }
}

function client(random: Random): SampleEvent {
  return {
    ip: `203.0.113.${1 + Math.floor(random() * 254)}`,
    user_agent: pickFrom(USER_AGENTS, random),
  }
}

function auditSample({ type, occurredAt, random }: SampleFacts): SampleEvent {
  const id = 1 + Math.floor(random() * 1_000_000)
  return {
    event: type,
    description: 'Sample: changed a profile',
    actor: { id: 41, type: 'user', name: 'Example User' },
    resource: { id: String(id), type: 'user', name: `User ${id}` },
    changes: { name: { from: 'Example', to: `User ${id}` } },
    timestamp: Math.floor(occurredAt / 1_000),
  }
}

function inboundSample({ type, occurredAt, random }: SampleFacts): SampleEvent {
  const id = String(Math.floor(random() * 1e15)).padStart(19, '0')
  return {
    event: type,
    event_id: randomUuid(random),
    timestamp: occurredAt,
    inbox_id: 77,
    message_id: id,
    from: 'Example User <sender@example.org>',
  }
}
