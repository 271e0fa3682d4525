import { describe, expect, expectTypeOf, it } from 'vitest'
import type {
  MailtrapAuditEvent,
  MailtrapEventMap,
} from '../../../src/providers/mailtrap/events.ts'
import {
  MAILTRAP_EVENT_NAMES,
  MAILTRAP_INBOUND_NAME,
  tidyMailtrapEvent,
} from '../../../src/providers/mailtrap/events.ts'
import { mailtrap } from '../../../src/providers/mailtrap/mailtrap.ts'
import { readSampleEvents } from '../samples.ts'

function tidy(event: Record<string, unknown>): Record<string, unknown> {
  const facts = mailtrap.describe(event)
  if (facts === undefined) throw new Error('The event has no name.')
  return tidyMailtrapEvent(event, facts)
}

const BASE_TEXTS = ['email', 'sending_stream', 'sending_domain_name', 'category']
const REFUSAL_TEXTS = ['response', 'bounce_category']
const CLIENT_TEXTS = ['ip', 'user_agent']

/** The fields of each event that are text. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  delivery: BASE_TEXTS,
  open: [...BASE_TEXTS, ...CLIENT_TEXTS],
  click: [...BASE_TEXTS, ...CLIENT_TEXTS, 'url'],
  bounce: [...BASE_TEXTS, ...REFUSAL_TEXTS],
  'soft bounce': [...BASE_TEXTS, ...REFUSAL_TEXTS],
  spam: BASE_TEXTS,
  unsubscribe: [...BASE_TEXTS, ...CLIENT_TEXTS],
  suspension: [...BASE_TEXTS, 'reason'],
  reject: [...BASE_TEXTS, 'reason'],
  'inbound.message_received': ['from'],
  'activity_log.user.updated': ['description'],
}

/** The fields of each event that are numbers. */
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  bounce: ['timestamp', 'response_code'],
  'soft bounce': ['timestamp', 'response_code'],
  'inbound.message_received': ['timestamp', 'inbox_id'],
}

describe('tidy', () => {
  it('leaves every regular sample as it came', () => {
    const files = ['sending.all-nine.jsonl', 'audit.two-events.jsonl', 'inbound.batch.json']
    const events = files.flatMap((file) => readSampleEvents(`payloads/mailtrap/${file}`))
    expect(events).toHaveLength(15)
    for (const event of events) expect(tidy(event)).toEqual(event)
  })

  it('spells the name as the types do and numbers as numbers', () => {
    const [bounce, complaint] = readSampleEvents('payloads/mailtrap/tolerance.api-spellings.json')
    expect(tidy(bounce ?? {})).toEqual({ ...bounce, event: 'soft bounce', response_code: 452 })
    expect(tidy(complaint ?? {})).toEqual({ ...complaint, event: 'spam' })
  })

  it('keeps nulls, unknown fields and every kind of variable', () => {
    const [event] = readSampleEvents('payloads/mailtrap/tolerance.unknown-fields.json')
    expect(tidy(event ?? {})).toEqual(event)
  })

  it('leaves an unknown event alone, but gives another object', () => {
    const event = { event: 'Postponed', timestamp: 'x', email: 5 }
    expect(tidy(event)).toEqual(event)
    expect(tidy(event)).not.toBe(event)
  })

  it('needs no field but the name', () => {
    for (const event of [...MAILTRAP_EVENT_NAMES, 'activity_log.user.updated']) {
      expect(JSON.parse(JSON.stringify(tidy({ event })))).toEqual({ event })
    }
  })

  it.each(Object.entries(TEXTS))('drops texts of %s that are none', (event, fields) => {
    for (const field of fields) {
      for (const wrong of [5, true, [], {}]) {
        expect(tidy({ event, extra: 1, [field]: wrong })).toEqual({ event, extra: 1 })
      }
      for (const right of ['', 'text', null]) {
        expect(tidy({ event, [field]: right })).toEqual({ event, [field]: right })
      }
    }
  })

  it.each(Object.keys(TEXTS))('reads the numbers of %s', (event) => {
    for (const field of NUMBERS[event] ?? ['timestamp']) {
      for (const wrong of ['5xx', '', true, [], {}, Number.POSITIVE_INFINITY]) {
        expect(tidy({ event, [field]: wrong })).toEqual({ event })
      }
      expect(tidy({ event, [field]: '550' })).toEqual({ event, [field]: 550 })
      expect(tidy({ event, [field]: null })).toEqual({ event, [field]: null })
    }
  })

  it.each(MAILTRAP_EVENT_NAMES)('makes the ids of %s text', (event) => {
    for (const field of ['event_id', 'message_id']) {
      expect(tidy({ event, [field]: '0017' })).toEqual({ event, [field]: '0017' })
      expect(tidy({ event, [field]: 17 })).toEqual({ event, [field]: '17' })
      expect(tidy({ event, [field]: 2 ** 60 })).toEqual({ event })
      expect(tidy({ event, [field]: {} })).toEqual({ event })
    }
  })

  const sending = MAILTRAP_EVENT_NAMES.filter((name) => name !== MAILTRAP_INBOUND_NAME)

  it.each(sending)('takes only an object for the variables of %s', (event) => {
    const custom_variables = { a: 1, b: { c: [null] } }
    expect(tidy({ event, custom_variables })).toEqual({ event, custom_variables })
    expect(tidy({ event, custom_variables: ['a'] })).toEqual({ event })
    expect(tidy({ event, custom_variables: 'a' })).toEqual({ event })
  })

  it('makes the id of an audit resource text and keeps what else is inside', () => {
    const [event] = readSampleEvents('payloads/mailtrap/audit.system-actor.json')
    expect(tidy(event ?? {})).toEqual({
      ...event,
      resource: { id: '58', type: 'sandbox', name: 'Example box' },
    })
    const odd = { event: 'activity_log.a', actor: { id: 'x', name: 5, extra: 1 }, resource: 'x' }
    expect(tidy(odd)).toEqual({ event: 'activity_log.a', actor: { extra: 1 } })
    expect(tidy({ ...odd, changes: [1], actor: null })).toEqual({ event: odd.event, actor: null })
  })
})

describe('the types', () => {
  it('cover every name', () => {
    expectTypeOf<keyof MailtrapEventMap>().toEqualTypeOf<(typeof MAILTRAP_EVENT_NAMES)[number]>()
    expectTypeOf<MailtrapEventMap['soft bounce']['event']>().toEqualTypeOf<'soft bounce'>()
  })

  it('say what a field is', () => {
    type Bounce = MailtrapEventMap['bounce']
    expectTypeOf<Bounce['bounce_category']>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf<Bounce['response_code']>().toEqualTypeOf<number | null | undefined>()
    expectTypeOf<Bounce>().not.toHaveProperty('bounce_categry')
    type Inbound = MailtrapEventMap['inbound.message_received']
    expectTypeOf<Inbound['message_id']>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf<MailtrapAuditEvent['event']>().toEqualTypeOf<`activity_log.${string}`>()
  })
})
