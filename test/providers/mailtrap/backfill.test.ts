import { describe, expect, it } from 'vitest'
import { readLoggedEvents } from '../../../src/providers/mailtrap/backfill.ts'

const SPAN = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2) }
const MESSAGE = {
  message_id: 'm-1',
  to: 'user1@example.com',
  sending_stream: 'bulk',
  category: null,
  custom_variables: { order: 7 },
}
const read = (events: unknown, message: object = MESSAGE) =>
  readLoggedEvents({ ...message, events }, SPAN)
const at = (created_at: string, event_type = 'open', details: unknown = {}) => ({
  event_type,
  created_at,
  details,
})

describe('an event of the e-mail log', () => {
  it('becomes what would have come by webhook, marked, with an id of its own', () => {
    const details = {
      email_service_provider_status: '421',
      email_service_provider_response: '421 4.7.0 Later',
      bounce_category: 'greylisting',
      sending_ip: '192.0.2.1',
    }
    expect(read([at('2026-01-01T10:00:00.900Z', 'soft_bounce', details)])).toEqual([
      {
        event: 'soft bounce',
        backfilled: true,
        event_id: 'backfilled/m-1/soft bounce/1767261600',
        timestamp: 1_767_261_600,
        email: 'user1@example.com',
        message_id: 'm-1',
        sending_stream: 'bulk',
        category: null,
        custom_variables: { order: 7 },
        response: '421 4.7.0 Later',
        response_code: 421,
        bounce_category: 'greylisting',
      },
    ])
  })
  it('counts once in a second, and only within the span', () => {
    const events = read([
      at('2025-12-31T23:59:59.999Z'),
      at('2026-01-01T00:00:00.000Z'),
      at('2026-01-01T00:00:00.500Z'),
      at('2026-01-01T00:00:01.000Z'),
      at('2026-01-02T00:00:00.000Z'),
    ])
    expect(events.map(({ timestamp }) => Number(timestamp) * 1_000 - SPAN.from)).toEqual([0, 1_000])
  })
  it('is left out when it cannot be read', () => {
    expect(read('none')).toEqual([])
    expect(read([null, {}, at('soon'), { created_at: '2026-01-01T00:00:00Z' }])).toEqual([])
    expect(read([at('2026-01-01T00:00:00Z')], {})).toEqual([])
    expect(readLoggedEvents(undefined, SPAN)).toEqual([])
  })
})
