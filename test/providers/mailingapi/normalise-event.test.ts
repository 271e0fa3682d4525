import { describe, expect, it } from 'vitest'
import { mailingapi } from '../../../src/providers/mailingapi/mailingapi.ts'
import { readSampleEvents } from '../samples.ts'

function normalise(event: Record<string, unknown>) {
  const facts = mailingapi.describe(event)
  return facts && mailingapi.normalise(event, facts)
}

function normaliseSample(sample: string) {
  const [event] = readSampleEvents(`payloads/mailingapi/event.${sample}.json`)
  return normalise(event ?? {})
}

describe('normalise', () => {
  it('says everything of a published event', () => {
    const [original] = readSampleEvents('payloads/mailingapi/event.delivered.json')
    expect(normaliseSample('delivered')).toEqual({
      name: 'email.delivered',
      provider: 'mailingapi',
      id: 'evt_ref000001',
      occurredAt: '2026-01-17T12:00:00.000Z',
      recipient: 'user1@example.org',
      messageId: 'msg_ref0001',
      rank: 3,
      bounce: undefined,
      reason: undefined,
      url: undefined,
      client: undefined,
      variables: { customer: 'c-1' },
      original,
    })
  })

  it.each([
    [
      'bounced.assumed',
      {
        permanence: 'permanent',
        code: 550,
        category: 'permanent',
        response: 'sample: no such mailbox',
      },
    ],
    [
      'bounced-temporary.assumed',
      {
        permanence: 'temporary',
        code: 452,
        category: 'temporary',
        response: '452 4.2.2 sample: mailbox full',
      },
    ],
    [
      'bounced-no-class',
      { permanence: 'unknown', code: undefined, category: undefined, response: undefined },
    ],
    [
      'deferred.assumed',
      {
        permanence: 'temporary',
        code: undefined,
        category: undefined,
        response: 'sample: try later',
      },
    ],
  ])('reads the refusal of %s', (sample, bounce) => {
    expect(normaliseSample(sample)?.bounce).toEqual(bounce)
  })

  it('ranks a bounce that is only for now as a deferral, every other one above a delivery', () => {
    expect(normaliseSample('bounced-temporary.assumed')?.rank).toBe(2)
    expect(normaliseSample('bounced.assumed')?.rank).toBe(7)
    expect(normaliseSample('bounced-no-class')?.rank).toBe(7)
  })

  it.each([
    [{ bounce_type: 'Hard' }, 'permanent'],
    [{ type: 'hard_bounce' }, 'permanent'],
    [{ type: 'hardly' }, 'unknown'],
    [{ type: 'permanent' }, 'permanent'],
    [{ bounce_type: 'soft' }, 'temporary'],
    [{ type: 'Transient' }, 'temporary'],
    [{ bounce_type: 'mailbox_full' }, 'unknown'],
    [{ code: 550 }, 'unknown'],
    [{ smtp_response: '550 5.1.1 unknown user' }, 'unknown'],
    [{}, 'unknown'],
  ])('reads the permanence of %j as %s', (data, permanence) => {
    expect(normalise({ type: 'bounced', data })?.bounce?.permanence).toBe(permanence)
  })

  it('hands on client and url', () => {
    expect(normaliseSample('opened.assumed')).toMatchObject({
      rank: 4,
      client: { ip: '203.0.113.24', userAgent: expect.stringContaining('ExampleBrowser') },
      url: undefined,
    })
    expect(normaliseSample('clicked.assumed')).toMatchObject({
      rank: 5,
      url: 'https://www.example.com/',
      client: { ip: undefined, userAgent: undefined },
    })
    expect(normaliseSample('unsubscribed.assumed')?.rank).toBe(6)
    expect(normaliseSample('complained.assumed')?.rank).toBe(8)
  })

  it.each(['inbound.assumed', 'unknown-type'])('has nothing to say of %s', (sample) => {
    expect(normaliseSample(sample)).toBeUndefined()
  })
})
