import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  MAILINGAPI_EVENT_NAMES,
  type MailingApiEventMap,
} from '../../../src/providers/mailingapi/events.ts'
import { mailingapi } from '../../../src/providers/mailingapi/mailingapi.ts'
import { readSampleEvents } from '../samples.ts'

function tidy(event: Record<string, unknown>): Record<string, unknown> {
  const facts = mailingapi.describe(event)
  if (facts === undefined) throw new Error('The event has no type.')
  return mailingapi.tidy(event, facts)
}

const SHARED_TEXTS = ['from', 'subject']
const REFUSAL_TEXTS = ['bounce_type', 'type', 'reason', 'smtp_response']
const CLIENT_TEXTS = ['ip', 'user_agent']

/** The fields of each type's data that are text. */
const TEXTS: Readonly<Record<keyof MailingApiEventMap, readonly string[]>> = {
  delivered: [...SHARED_TEXTS, 'delivered_at'],
  bounced: [...SHARED_TEXTS, ...REFUSAL_TEXTS],
  deferred: [...SHARED_TEXTS, ...REFUSAL_TEXTS],
  opened: [...SHARED_TEXTS, ...CLIENT_TEXTS],
  clicked: [...SHARED_TEXTS, ...CLIENT_TEXTS, 'url'],
  unsubscribed: [...SHARED_TEXTS, ...CLIENT_TEXTS],
  complained: SHARED_TEXTS,
  inbound: SHARED_TEXTS,
}

describe('tidy', () => {
  it.each([
    'delivered',
    'delivered-with-time',
    'minimal',
    'bounced-no-class',
    'bounced-temporary.assumed',
    'deferred.assumed',
    'opened.assumed',
    'clicked.assumed',
    'unsubscribed.assumed',
    'complained.assumed',
    'inbound.assumed',
    'unknown-type',
  ])('leaves the sample %s as it came', (sample) => {
    const [event] = readSampleEvents(`payloads/mailingapi/event.${sample}.json`)
    expect(tidy(event ?? {})).toEqual(event)
  })

  it('makes the code a number', () => {
    const [event] = readSampleEvents('payloads/mailingapi/event.bounced.assumed.json')
    expect(tidy(event ?? {})).toMatchObject({ data: { code: 550, bounce_type: 'permanent' } })
  })

  it.each([undefined, null, 5, 'text', ['a']])('makes an object of the data %j', (data) => {
    for (const type of MAILINGAPI_EVENT_NAMES) {
      expect(tidy({ type, data })).toEqual({ type, data: {} })
    }
  })

  it.each(MAILINGAPI_EVENT_NAMES)('drops texts of %s that are none', (type) => {
    for (const field of TEXTS[type]) {
      for (const wrong of [5, false, [], {}]) {
        expect(tidy({ type, data: { extra: 1, [field]: wrong } })).toEqual({
          type,
          data: { extra: 1 },
        })
      }
      const data = { [field]: 'text' }
      expect(tidy({ type, data })).toEqual({ type, data })
    }
    expect(tidy({ type, id: 5, timestamp: 5 })).toEqual({ type, id: '5', data: {} })
  })

  it('takes text and lists of text for the recipient', () => {
    const type = 'delivered'
    for (const to of ['a@example.com', ['a@example.com', 'b@example.com'], null]) {
      expect(tidy({ type, data: { to } })).toEqual({ type, data: { to } })
    }
    for (const to of [5, [5], { email: 'a@example.com' }]) {
      expect(tidy({ type, data: { to } })).toEqual({ type, data: {} })
    }
  })

  it('spells a known type as the types do and leaves an unknown event alone', () => {
    expect(tidy({ type: 'Opened' })).toEqual({ type: 'opened', data: {} })
    expect(tidy({ type: 'Postponed', data: 5 })).toEqual({ type: 'Postponed', data: 5 })
  })
})

describe('the types', () => {
  it('cover every name', () => {
    type Name = (typeof MAILINGAPI_EVENT_NAMES)[number]
    expectTypeOf<keyof MailingApiEventMap>().toEqualTypeOf<Name>()
    type To = MailingApiEventMap['delivered']['data']['to']
    expectTypeOf<To>().toEqualTypeOf<string | string[] | null | undefined>()
    expectTypeOf<MailingApiEventMap['bounced']['data']>().not.toHaveProperty('bounce_typ')
  })
})
