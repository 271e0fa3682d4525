import type { Provider } from '../provider.ts'
import {
  pickAddress,
  pickFrom,
  type Random,
  type SampleEvent,
  type SampleFacts,
} from '../samples.ts'
import { mailtrapBackfillId } from './backfill.ts'
import { mailtrapReading } from './describe-event.ts'
import { MAILTRAP_AUDIT_PREFIX, tidyMailtrapEvent } from './events.ts'
import { mailtrapSignatures } from './signature.ts'

/** A batch that was not answered 200 is sent again so often, so far apart; then its webhook is paused. */
export const MAILTRAP_RETRIES = { count: 40, everyMs: 300_000 } as const

export const mailtrap: Provider = {
  name: 'mailtrap',
  requests: { maxEvents: 500, format: 'json' },
  nameField: 'event',
  idField: 'event_id',
  hasUuidKeys: true,
  addresses: ['45.158.83.0/24', '5.181.200.0/24'],
  retries: MAILTRAP_RETRIES,
  ownSettings: [],
  secretLook: { pattern: /^[0-9a-f]{32}$/, words: '32 hex digits' },
  ...mailtrapSignatures,
  ...mailtrapReading,
  tidy: tidyMailtrapEvent,
  backfillId: mailtrapBackfillId,
  makeSample: makeMailtrapSample,
}

const SOFT_BOUNCES = [
  { response: '421 4.7.0 Try again later', response_code: 421, bounce_category: 'greylisting' },
  {
    response: '452 4.2.2 Mailbox is full for the moment',
    response_code: 452,
    bounce_category: 'transientfail',
  },
] as const
const BOUNCES = [
  { response: '550 5.1.1 No such user', response_code: 550, bounce_category: 'badrecipient' },
  { response: '554 5.7.1 Content not wanted', response_code: 554, bounce_category: 'content' },
  { response: '552 5.2.2 Mailbox is full', response_code: 552, bounce_category: 'overquota' },
] as const
const USER_AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) ExampleBrowser/1.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) ExampleMail/2.3',
  'ExampleImageProxy/1.0',
] as const

/** What a kind of sending event has beyond the fields of all. */
const DETAILS: Readonly<Record<string, (random: Random) => SampleEvent>> = {
  delivery: () => ({}),
  'soft bounce': (random) => pickFrom(SOFT_BOUNCES, random),
  bounce: (random) => pickFrom(BOUNCES, random),
  open: client,
  click: (random) => ({
    ...client(random),
    url: `https://shop.example.com/orders/${Math.floor(random() * 10_000)}?from=mail`,
  }),
  unsubscribe: client,
  spam: () => ({}),
  suspension: () => ({ reason: 'Sample: the daily limit is reached, the message waits' }),
  reject: () => ({ reason: 'Sample: the recipient was suppressed before' }),
}

/** An event as Mailtrap sends it; undefined: it has none of that name. */
function makeMailtrapSample(facts: SampleFacts): SampleEvent | undefined {
  const { type, mail, occurredAt, random, uuid } = facts
  if (type.startsWith(MAILTRAP_AUDIT_PREFIX)) return makeAudit(facts)
  if (type === 'inbound.message_received') return makeInbound(facts)
  const details = DETAILS[type]?.(random)
  return (
    details && {
      event: type,
      timestamp: Math.floor(occurredAt / 1_000),
      sending_stream: mail.category === 'Newsletter' ? 'bulk' : 'transactional',
      category: mail.category,
      custom_variables: { order_ref: `A-${1 + Math.floor(random() * 100_000)}` },
      message_id: mail.messageId,
      email: mail.recipient,
      event_id: uuid(),
      ...details,
      sending_domain_name: 'mail.example.org',
    }
  )
}

function client(random: Random): SampleEvent {
  return { ip: pickAddress(random), user_agent: pickFrom(USER_AGENTS, random) }
}

/** Audit events carry no id: the random text tells two samples apart. */
function makeAudit({ type, occurredAt, random, uuid }: SampleFacts): SampleEvent | undefined {
  if (type.endsWith('*')) return undefined
  const id = 1 + Math.floor(random() * 1_000_000)
  return {
    event: type,
    description: `Sample ${uuid()}: changed a role`,
    actor: { id: 41, type: 'user', name: 'Example User' },
    resource: { id: String(id), type: 'user', name: `User ${id}` },
    changes: { role: { from: 'viewer', to: 'admin' } },
    timestamp: Math.floor(occurredAt / 1_000),
  }
}

function makeInbound({ type, occurredAt, uuid }: SampleFacts): SampleEvent {
  return {
    event: type,
    event_id: uuid(),
    timestamp: occurredAt,
    inbox_id: 77,
    message_id: String(BigInt(`0x${uuid().replaceAll('-', '').slice(0, 12)}`)).padStart(19, '0'),
    from: 'Example Sender <sender@example.com>',
  }
}
