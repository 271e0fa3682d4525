import { describe, expect, it } from 'vitest'
import { mailtrap } from '../../../src/providers/mailtrap/mailtrap.ts'
import { readSampleEvents } from '../samples.ts'

function normalise(event: Record<string, unknown>) {
  const facts = mailtrap.describe(event)
  return facts && mailtrap.normalise(event, facts)
}

function normaliseSample(file: string) {
  return readSampleEvents(`payloads/mailtrap/${file}`).map(normalise)
}

describe('normalise', () => {
  it('says everything of a bounce', () => {
    const [original] = readSampleEvents('payloads/mailtrap/sending.bounce.json')
    expect(normaliseSample('sending.bounce.json')).toEqual([
      {
        name: 'email.bounced',
        provider: 'mailtrap',
        id: original?.event_id,
        occurredAt: new Date(Number(original?.timestamp) * 1_000).toISOString(),
        recipient: original?.email,
        messageId: original?.message_id,
        rank: 7,
        bounce: {
          permanence: 'permanent',
          code: original?.response_code,
          category: original?.bounce_category,
          response: original?.response,
        },
        reason: undefined,
        url: undefined,
        client: undefined,
        variables: {},
        original,
      },
    ])
  })

  it('ranks the nine events', () => {
    const all = normaliseSample('sending.all-nine.jsonl')
    expect(all.map((event) => [event?.name, event?.rank])).toEqual([
      ['email.delivered', 3],
      ['email.deferred', 2],
      ['email.bounced', 7],
      ['email.suspended', 1],
      ['email.rejected', 7],
      ['email.opened', 4],
      ['email.clicked', 5],
      ['email.unsubscribed', 6],
      ['email.complained', 8],
    ])
  })

  it('gives each event the parts that belong to it, and no other', () => {
    const parts = normaliseSample('sending.all-nine.jsonl').map((event) =>
      (['bounce', 'reason', 'url', 'client'] as const).filter(
        (part) => event?.[part] !== undefined,
      ),
    )
    expect(parts).toEqual([
      [],
      ['bounce'],
      ['bounce'],
      ['reason'],
      ['reason'],
      ['client'],
      ['url', 'client'],
      ['client'],
      [],
    ])
  })

  it('calls a soft bounce temporary and reads its code from text', () => {
    expect(normaliseSample('tolerance.api-spellings.json')[0]).toMatchObject({
      name: 'email.deferred',
      bounce: { permanence: 'temporary', code: 452, category: 'OverQuota' },
    })
    expect(normaliseSample('tolerance.unknown-bounce-category.json')[1]).toMatchObject({
      bounce: { permanence: 'temporary', code: undefined, category: 'unavailable' },
    })
  })

  it('hands on client, url, variables and reason', () => {
    expect(normaliseSample('sending.click.json')[0]).toMatchObject({
      url: 'https://www.example.com/orders/1001?src=mail&lang=en',
      client: { ip: '203.0.113.24', userAgent: expect.stringContaining('ExampleBrowser') },
    })
    expect(normaliseSample('sending.delivery.json')[0]?.variables).toEqual({ order_ref: 'A-1001' })
    expect(normaliseSample('sending.reject.json')[0]?.reason).toContain('suppressed')
    expect(normaliseSample('sending.unsubscribe.json')[0]?.client).toEqual({
      ip: undefined,
      userAgent: undefined,
    })
  })

  it.each([
    'audit.user-updated.json',
    'inbound.message-received.json',
    'tolerance.unknown-event.json',
  ])('has nothing to say of %s', (file) => {
    expect(normaliseSample(file)).toEqual([undefined])
  })

  it('says unknown for what is missing', () => {
    expect(normalise({ event: 'bounce', custom_variables: [1] })).toEqual({
      name: 'email.bounced',
      provider: 'mailtrap',
      id: undefined,
      occurredAt: undefined,
      recipient: undefined,
      messageId: undefined,
      rank: 7,
      bounce: {
        permanence: 'permanent',
        code: undefined,
        category: undefined,
        response: undefined,
      },
      reason: undefined,
      url: undefined,
      client: undefined,
      variables: {},
      original: { event: 'bounce', custom_variables: [1] },
    })
  })
})
