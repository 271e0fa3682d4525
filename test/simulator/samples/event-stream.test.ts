import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type StreamSpec, streamEvents } from '../../../src/simulator/samples/event-stream.ts'

const HOUR_MS = 3_600_000
const ALL = [
  'delivery',
  'soft bounce',
  'bounce',
  'suspension',
  'unsubscribe',
  'open',
  'spam',
  'click',
  'reject',
]

function makeSpec(changes: Partial<StreamSpec> = {}): StreamSpec {
  return {
    provider: 'mailtrap',
    family: 'mailtrap/email_sending/bulk',
    types: ALL,
    sendingStream: 'bulk',
    inboxId: null,
    events: 500,
    overMs: HOUR_MS,
    seed: 1,
    startsAt: Date.UTC(2026, 0, 1),
    ...changes,
  }
}

describe('streamEvents', () => {
  it('makes so many events, in the order of their times, the same from the same seed', () => {
    const seeds = fc.integer({ min: 0, max: 0xffff_ffff })
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 700 }), (seed, events) => {
        const spec = makeSpec({ seed, events })
        const made = [...streamEvents(spec)]
        expect(made).toHaveLength(events)
        expect(made).toEqual([...streamEvents(spec)])
        const times = made.map(({ occurredAt }) => occurredAt)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        const ids = new Set(made.map(({ event }) => event.event_id))
        expect(ids.size).toBe(events)
      }),
      { numRuns: 20 },
    )
  })

  it('is like a campaign: most are delivered, a third is opened, few click, fewer complain', () => {
    const made = [...streamEvents(makeSpec({ events: 20_000 }))]
    const count = (type: string) => made.filter(({ event }) => event.event === type).length
    const delivered = count('delivery')
    expect(delivered / made.length).toBeGreaterThan(0.5)
    expect(count('open') / delivered).toBeGreaterThan(0.3)
    expect(count('open') / delivered).toBeLessThan(0.6)
    expect(count('click')).toBeLessThan(count('open') / 3)
    expect(count('bounce') / delivered).toBeLessThan(0.05)
    expect(count('spam') / delivered).toBeLessThan(0.005)
    for (const type of ALL) expect(count(type), type).toBeGreaterThan(0)
    const after = made.filter(({ occurredAt }) => occurredAt > makeSpec().startsAt + HOUR_MS)
    expect(after.length).toBeGreaterThan(1_000)
  })

  it('never opens a mail before it is delivered', () => {
    const delivered = new Set<unknown>()
    for (const { event } of streamEvents(makeSpec({ events: 5_000 }))) {
      if (event.event === 'delivery') delivered.add(event.message_id)
      if (['open', 'click', 'spam', 'unsubscribe'].includes(String(event.event))) {
        expect(delivered.has(event.message_id)).toBe(true)
      }
    }
  })

  it.each([
    [makeSpec(), { sending_stream: 'bulk' }],
    [makeSpec({ sendingStream: null }), { campaign_id: 3301 }],
    [
      makeSpec({ types: ['inbound.message_received'], inboxId: 12 }),
      { event: 'inbound.message_received', inbox_id: 12 },
    ],
    [makeSpec({ types: ['activity_log.user.updated'] }), { event: 'activity_log.user.updated' }],
    [makeSpec({ provider: 'mailingapi', types: ['delivered', 'inbound'] }), { type: 'delivered' }],
    [makeSpec({ provider: 'mailingapi', types: ['inbound'] }), { type: 'inbound' }],
  ])('makes what the webhook is for: %#', (spec, fields) => {
    const [first] = streamEvents(spec)
    expect(first?.event).toMatchObject(fields)
    if (spec.sendingStream === null && spec.provider === 'mailtrap') {
      expect(first?.event).not.toHaveProperty('sending_stream')
    }
  })
})
