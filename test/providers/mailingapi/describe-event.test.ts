import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { mailingapi } from '../../../src/providers/mailingapi/mailingapi.ts'
import { readSampleEvents } from '../samples.ts'

const SAMPLES = [
  ['event.bounced-no-class.json', 'bounced', 'email.bounced', '0005', '12:00:05.000'],
  ['event.bounced-temporary.assumed.json', 'bounced', 'email.bounced', '0006', '12:00:06.000'],
  ['event.bounced.assumed.json', 'bounced', 'email.bounced', '0004', '12:00:04.000'],
  ['event.clicked.assumed.json', 'clicked', 'email.clicked', '0009', '12:00:09.000'],
  ['event.complained.assumed.json', 'complained', 'email.complained', '0011', '12:00:11.000'],
  ['event.deferred.assumed.json', 'deferred', 'email.deferred', '0007', '12:00:07.000'],
  ['event.delivered-with-time.json', 'delivered', 'email.delivered', '0002', '12:00:02.000'],
  ['event.delivered.json', 'delivered', 'email.delivered', '0001', '12:00:00.000'],
  ['event.inbound.assumed.json', 'inbound', undefined, '0012', '12:00:12.000'],
  ['event.minimal.json', 'delivered', 'email.delivered', '0003', '12:00:03.000'],
  ['event.opened.assumed.json', 'opened', 'email.opened', '0008', '12:00:08.250'],
  ['event.unknown-type.json', 'postponed', undefined, '0013', '12:00:13.000'],
  ['event.unsubscribed.assumed.json', 'unsubscribed', 'email.unsubscribed', '0010', '12:00:10.000'],
] as const

describe('describe, over the samples', () => {
  it('leaves out no file', () => {
    const folder = new URL('../../../fixtures/payloads/mailingapi/', import.meta.url)
    const known = [...SAMPLES.map(([file]) => file), 'request.headers.json']
    expect(readdirSync(folder).sort()).toEqual(known.sort())
  })

  it.each(SAMPLES)('reads %s', (file, type, name, number, time) => {
    const events = readSampleEvents(`payloads/mailingapi/${file}`)
    expect(events.map(mailingapi.describe)).toEqual([
      {
        type,
        name,
        eventId: `evt_ref00${number}`,
        identity: `evt_ref00${number}`,
        occurredAt: Date.parse(`2026-01-17T${time}Z`),
        recipient: type === 'inbound' ? 'box@example.com' : 'user1@example.org',
        messageId: `msg_ref${number}`,
        isTest: false,
      },
    ])
  })
})

describe('describe, over odd values', () => {
  it.each([
    ['Delivered', 'delivered'],
    [' BOUNCED ', 'bounced'],
    ['Postponed', 'Postponed'],
    ['toString', 'toString'],
  ])('reads the type "%s" as "%s"', (type, expected) => {
    expect(mailingapi.describe({ type })?.type).toBe(expected)
  })

  it.each([[{}], [{ type: '' }], [{ type: 3 }], [{ event: 'delivered' }]])(
    'finds no event in %j',
    (event) => {
      expect(mailingapi.describe(event)).toBeUndefined()
    },
  )

  it.each([
    [undefined],
    [null],
    ['text'],
    [[{ to: 'user1@example.com' }]],
    [{ to: [], message_id: {} }],
    [{ to: [5], message_id: null }],
    [{ to: { email: 'user1@example.com' } }],
  ])('says nothing from the data %j', (data) => {
    expect(mailingapi.describe({ type: 'delivered', data })).toEqual({
      type: 'delivered',
      name: 'email.delivered',
      eventId: undefined,
      identity: undefined,
      occurredAt: undefined,
      recipient: undefined,
      messageId: undefined,
      isTest: false,
    })
  })
})
