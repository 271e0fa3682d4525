import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MAILTRAP_EVENT_NAMES } from '../../../src/providers/mailtrap/events.ts'
import { mailtrap } from '../../../src/providers/mailtrap/mailtrap.ts'
import { parsePayload } from '../../../src/providers/read-value.ts'
import { readFixture, readSampleEvents } from '../samples.ts'

/** Types of the events in each sample, in order. */
const SAMPLES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  'audit.filtered-changes.json': ['activity_log.user.updated'],
  'audit.system-actor.json': ['activity_log.user.updated'],
  'audit.two-events.jsonl': ['activity_log.user.login', 'activity_log.user.updated'],
  'audit.user-login.json': ['activity_log.user.login'],
  'audit.user-updated.json': ['activity_log.user.updated'],
  'campaigns.assumed.json': ['delivery'],
  'dedupe.identical-audit-twice.json': ['activity_log.user.updated', 'activity_log.user.updated'],
  'dedupe.same-event-twice.json': ['delivery', 'delivery'],
  'dedupe.same-id-different-content.json': ['delivery', 'bounce'],
  'inbound.batch.json': Array(4).fill('inbound.message_received'),
  'inbound.escaped-angle-brackets.json': ['inbound.message_received'],
  'inbound.message-received.json': ['inbound.message_received'],
  'inbound.name-only-from.json': ['inbound.message_received'],
  'inbound.same-message-other-event-id.json': Array(2).fill('inbound.message_received'),
  'inbound.unicode-from.json': ['inbound.message_received'],
  'mixed.families.jsonl': [
    'delivery',
    'activity_log.user.login',
    'inbound.message_received',
    'future.thing_happened',
  ],
  'quarantine.mixed-members.json': ['delivery', undefined, undefined, 'open'],
  'quarantine.no-events-array.json': [undefined],
  'reputation.assumed-unknown.json': ['reputation.example_change'],
  'run-test.audit.json': ['activity_log.account.api_token.example_suffix'],
  'run-test.inbound.json': ['inbound.message_received'],
  'run-test.real-ids-bounce.json': ['bounce', 'bounce'],
  'run-test.real-ids-delivery.json': ['delivery', 'delivery'],
  'run-test.sending-bounce.json': ['bounce', 'bounce'],
  'run-test.sending-delivery.json': ['delivery', 'delivery'],
  'run-test.sending-new-form.json': ['delivery', 'delivery'],
  'sending.all-nine.jsonl': [
    'delivery',
    'soft bounce',
    'bounce',
    'suspension',
    'reject',
    'open',
    'click',
    'unsubscribe',
    'spam',
  ],
  'sending.batch.json': ['delivery', 'open', 'open', 'click', 'bounce'],
  'sending.bounce.json': ['bounce'],
  'sending.click.json': ['click'],
  'sending.crlf-and-blank-lines.jsonl': ['delivery', 'delivery'],
  'sending.delivery.json': ['delivery'],
  'sending.no-final-newline.jsonl': ['delivery', 'delivery'],
  'sending.open.json': ['open'],
  'sending.reject.json': ['reject'],
  'sending.soft-bounce.json': ['soft bounce'],
  'sending.spam.json': ['spam'],
  'sending.suspension.json': ['suspension'],
  'sending.unsubscribe-with-client.json': ['unsubscribe'],
  'sending.unsubscribe.json': ['unsubscribe'],
  'shape.empty-batch.json': [],
  'shape.minimal-fields.json': ['delivery'],
  'shape.older-without-domain.json': ['delivery'],
  'shape.single-object.json': ['delivery'],
  'shape.top-level-array.json': ['delivery', 'spam'],
  'tolerance.api-spellings.json': ['soft bounce', 'spam'],
  'tolerance.unicode.json': ['delivery'],
  'tolerance.unknown-bounce-category.json': ['bounce', 'soft bounce'],
  'tolerance.unknown-event.json': ['postponed'],
  'tolerance.unknown-fields.json': ['delivery'],
}
const NOT_EVENTS = ['request.headers.json']

function describeSample(file: string) {
  return readSampleEvents(`payloads/mailtrap/${file}`).map(mailtrap.describe)
}

describe('describe, over the samples', () => {
  it('leaves out no file', () => {
    const folder = new URL('../../../fixtures/payloads/mailtrap/', import.meta.url)
    const files = readdirSync(folder).filter((file) => !file.endsWith('.txt'))
    expect(files.sort()).toEqual([...Object.keys(SAMPLES), ...NOT_EVENTS].sort())
  })

  it.each(Object.entries(SAMPLES))('reads %s', (file, types) => {
    expect(describeSample(file).map((facts) => facts?.type)).toEqual(types)
  })

  it('says everything of a sending event', () => {
    expect(describeSample('sending.delivery.json')).toEqual([
      {
        type: 'delivery',
        name: 'email.delivered',
        eventId: '6e91ed96-c20b-4552-89d9-159597ea520d',
        identity: '6e91ed96-c20b-4552-89d9-159597ea520d',
        occurredAt: 1_768_651_200_000,
        recipient: 'user1@example.com',
        messageId: '76a79a20-8ce3-432d-8c1e-112b88ef9510',
        isTest: false,
      },
    ])
  })

  it('gives the nine sending events their shared names', () => {
    expect(describeSample('sending.all-nine.jsonl').map((facts) => facts?.name)).toEqual([
      'email.delivered',
      'email.deferred',
      'email.bounced',
      'email.suspended',
      'email.rejected',
      'email.opened',
      'email.clicked',
      'email.unsubscribed',
      'email.complained',
    ])
  })

  it('identifies an inbound event by inbox and message, and keeps leading zeros', () => {
    expect(describeSample('inbound.message-received.json')).toEqual([
      {
        type: 'inbound.message_received',
        name: undefined,
        eventId: '0cdbadc5-f39c-11f0-be19-02aabbccddee',
        identity: '77/0104729385610293847',
        occurredAt: 1_768_651_200_417,
        recipient: undefined,
        messageId: '0104729385610293847',
        isTest: false,
      },
    ])
    const [first, second] = describeSample('inbound.same-message-other-event-id.json')
    expect(first?.identity).toBe(second?.identity)
    expect(first?.eventId).not.toBe(second?.eventId)
  })

  it.each([
    'audit.user-updated.json',
    'dedupe.identical-audit-twice.json',
    'run-test.inbound.json',
  ])('leaves the identity of %s to its content', (file) => {
    for (const facts of describeSample(file)) {
      expect(facts).toMatchObject({ eventId: undefined, identity: undefined, isTest: false })
    }
  })

  it('knows the events of the test button, and lets no two kinds of them conflict', () => {
    for (const file of ['run-test.real-ids-delivery.json', 'run-test.real-ids-bounce.json']) {
      const all = describeSample(file)
      expect(all.map((facts) => facts?.eventId)).toEqual([
        'bede7236-2284-43d6-a953-1fdcafd0fdbc',
        '657b8544-6a95-4c47-997f-6e47922a5052',
      ])
      expect(all.map((facts) => facts?.occurredAt)).toEqual([1_733_497_282_000, 1_733_497_341_000])
      for (const facts of all) expect(facts).toMatchObject({ isTest: true, identity: undefined })
    }
  })

  it('reads the legacy form, whose events have neither id nor time', () => {
    const text = readFixture('payloads/mailtrap/legacy.form.txt').toString()
    expect(mailtrap.describe(parsePayload(text))).toEqual({
      type: 'delivery',
      name: 'email.delivered',
      eventId: undefined,
      identity: undefined,
      occurredAt: undefined,
      recipient: 'user1@example.com',
      messageId: 'legacy-0001',
      isTest: false,
    })
  })
})

describe('describe, over spellings', () => {
  it.each([
    ['Delivery', 'delivery'],
    ['soft_bounce', 'soft bounce'],
    ['Soft Bounce', 'soft bounce'],
    ['soft-bounce', 'soft bounce'],
    ['SOFT  BOUNCE ', 'soft bounce'],
    ['hard_bounce', 'bounce'],
    ['Hard Bounce', 'bounce'],
    ['spam_complaint', 'spam'],
    ['Spam Complaint', 'spam'],
    ['Spam Report', 'spam'],
    ['inbound_message_received', 'inbound.message_received'],
    ['Inbound', 'inbound.message_received'],
    ['Activity_Log.User.Login', 'activity_log.user.login'],
  ])('reads %s as %s', (event, type) => {
    expect(mailtrap.describe({ event })?.type).toBe(type)
  })

  it.each([
    ...MAILTRAP_EVENT_NAMES,
    'activity_log.Any.Thing_New',
    'postponed',
    'Something NEW',
    'softbounce2',
    ' ',
    'constructor',
    '__proto__',
    'x'.repeat(41),
  ])('leaves %s as it is', (event) => {
    expect(mailtrap.describe({ event })?.type).toBe(event)
  })
})

describe('describe, over hostile values', () => {
  it.each([
    [{}],
    [{ event: '' }],
    [{ event: null }],
    [{ event: 7 }],
    [{ event: ['delivery'] }],
    [{ event: { toString: 'delivery' } }],
  ])('finds no event in %j', (event) => {
    expect(mailtrap.describe(event)).toBeUndefined()
  })

  it('says nothing from values of the wrong kind', () => {
    const odd = { event_id: [], timestamp: {}, email: 5, message_id: false }
    expect(mailtrap.describe({ event: 'delivery', ...odd })).toEqual({
      type: 'delivery',
      name: 'email.delivered',
      eventId: undefined,
      identity: undefined,
      occurredAt: undefined,
      recipient: undefined,
      messageId: undefined,
      isTest: false,
    })
  })

  it.each([['', null]])('takes the id %j for none', (event_id) => {
    const facts = mailtrap.describe({ event: 'open', event_id })
    expect(facts).toMatchObject({ eventId: undefined, identity: undefined })
  })

  it('cuts and cleans what it takes out', () => {
    const facts = mailtrap.describe({
      event: `a\0b${'c'.repeat(2_000)}`,
      email: `\ud800${'x'.repeat(1_022)}😀`,
    })
    expect(facts?.type).toBe(`a\uFFFDb${'c'.repeat(1_021)}`)
    expect(facts?.recipient).toBe(`\uFFFD${'x'.repeat(1_022)}\uFFFD`)
  })

  it('falls back to the event_id of an inbound event that names no inbox', () => {
    const event = { event: 'inbound.message_received', event_id: 'e-1' }
    expect(mailtrap.describe({ ...event, message_id: 'm-1' })?.identity).toBe('e-1')
    expect(mailtrap.describe({ ...event, inbox_id: 77 })?.identity).toBe('e-1')
    expect(mailtrap.describe({ ...event, inbox_id: 77, message_id: 5 })?.identity).toBe('77/5')
  })
})
