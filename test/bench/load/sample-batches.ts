import { createHmac, randomUUID } from 'node:crypto'

/** What the benchmark's servers and its load share; signs nothing else. */
export const SIGNING_SECRET = '5ee1d7a0c94b4f2f8a6b3c1d0e9f7a62'
export const EVENTS_PER_BATCH = 500
export const WEBHOOK_PATH = '/webhooks/mailtrap'

/** How events come: so many in a batch, as the JSON envelope or as JSON Lines. */
export const SHAPES = {
  full: { events: EVENTS_PER_BATCH, isLines: false },
  lines: { events: EVENTS_PER_BATCH, isLines: true },
  tens: { events: 10, isLines: false },
  singles: { events: 1, isLines: false },
} as const

export type Shape = keyof typeof SHAPES

const RECIPIENTS = 100_000
const CLIENT = {
  ip: '203.0.113.24',
  user_agent: 'Mozilla/5.0 (X11; Linux) ExampleMail/1.0',
}

/** The nine kinds, as often as in the mail of a healthy shop, more or less. */
const KINDS: readonly { readonly event: string; readonly details?: object }[] = [
  ...Array(10).fill({ event: 'delivery' }),
  ...Array(4).fill({ event: 'open', details: CLIENT }),
  { event: 'click', details: { ...CLIENT, url: 'https://shop.example.com/orders/41?from=mail' } },
  {
    event: 'soft bounce',
    details: {
      response: '452 4.2.2 Mailbox is full for the moment',
      response_code: 452,
      bounce_category: 'transientfail',
    },
  },
  {
    event: 'bounce',
    details: {
      response: '550 5.1.1 No such mailbox here',
      response_code: 550,
      bounce_category: 'badrecipient',
    },
  },
  { event: 'unsubscribe', details: CLIENT },
  { event: 'spam' },
  { event: 'suspension', details: { reason: 'The daily limit is reached, the message waits' } },
  { event: 'reject', details: { reason: 'The recipient was suppressed before' } },
]

/** Events of the nine kinds; their ids are never seen again. */
export function makeEvents(batch: number, count: number, at = Date.now()) {
  return Array.from({ length: count }, (_, position) => {
    const number = batch * count + position
    const { event, details } = KINDS[number % KINDS.length] ?? { event: 'delivery' }
    return {
      event,
      timestamp: Math.floor(at / 1_000),
      sending_stream: 'transactional',
      category: 'Orders',
      custom_variables: { order_ref: `A-${number}` },
      message_id: randomUUID(),
      // A prime steps through all recipients in an order that no index likes.
      email: `customer-${(number * 7_919) % RECIPIENTS}@example.com`,
      event_id: randomUUID(),
      ...details,
      sending_domain_name: 'mail.example.com',
    }
  })
}

/** A batch of 500 has about 175 KB. */
export function renderBatch(batch: number, shape: Shape = 'full'): Buffer {
  const { events: count, isLines } = SHAPES[shape]
  const events = makeEvents(batch, count)
  if (!isLines) return Buffer.from(JSON.stringify({ events }))
  return Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
}

export function sign(body: Buffer): string {
  return createHmac('sha256', SIGNING_SECRET).update(body).digest('hex')
}

/** The whole request, head and body, so that sending it is one write. */
export function renderRequest(body: Buffer, shape: Shape = 'full'): Buffer {
  const head = [
    `POST ${WEBHOOK_PATH} HTTP/1.1`,
    'Host: 127.0.0.1',
    'User-Agent: Mailtrap/1.0 (benchmark)',
    `Content-Type: application/${SHAPES[shape].isLines ? 'jsonlines' : 'json'}`,
    `Content-Length: ${body.length}`,
    `Mailtrap-Signature: ${sign(body)}`,
    '',
    '',
  ].join('\r\n')
  return Buffer.concat([Buffer.from(head), body])
}
