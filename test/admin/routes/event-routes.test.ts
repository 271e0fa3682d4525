import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'
import { makeEvent, makeJob } from '../memory-archive.ts'

describe('GET /api/events', () => {
  it('answers events in snake case, times as ISO text, absent values as null', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(
      makeEvent('7'),
      makeEvent('6', {
        type: 'activity_log.user.created',
        name: undefined,
        eventId: undefined,
        recipient: undefined,
        messageId: undefined,
        occurredAt: undefined,
        state: 'unhandled',
      }),
    )

    const answer = await app.inject('/api/events')

    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({
      events: [
        {
          id: '7',
          batch: 'batch-1',
          position: 0,
          source: 'mailtrap',
          provider: 'mailtrap',
          type: 'bounce',
          name: 'email.bounced',
          state: 'done',
          is_test: false,
          event_id: 'event-7',
          message_id: 'message-7',
          recipient: 'ada@example.com',
          occurred_at: '2026-11-21T09:00:00.000Z',
          received_at: '2026-11-21T09:30:00.000Z',
        },
        expect.objectContaining({
          id: '6',
          name: null,
          event_id: null,
          message_id: null,
          recipient: null,
          occurred_at: null,
        }),
      ],
      cursor: null,
    })
  })

  it('tells which events the test button of the provider made', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(makeEvent('1', { eventId: '657b8544-6a95-4c47-997f-6e47922a5052' }))

    expect((await app.inject('/api/events')).json().events[0].is_test).toBe(true)
    expect((await app.inject('/api/events/1')).json().is_test).toBe(true)
  })

  it('shows a time beyond all dates as null', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(makeEvent('1', { occurredAt: 1e20 }))

    expect((await app.inject('/api/events')).json().events[0].occurred_at).toBeNull()
  })

  it('passes every filter on, and only those that were given', async () => {
    const { app, archive } = buildAdmin()
    const query = new URLSearchParams({
      source: 'mailtrap',
      type: 'soft bounce',
      state: 'dead',
      recipient: 'ada+news@example.com',
      message_id: 'm-1',
      event_id: 'e-1',
      batch: 'b-1',
      from: '2026-11-21T09:00:00Z',
      to: '1795255200',
      limit: '25',
      cursor: '50',
    })

    await app.inject(`/api/events?${query}`)
    await app.inject('/api/events')

    expect(archive.calls.map(({ given }) => given)).toStrictEqual([
      {
        source: 'mailtrap',
        type: 'soft bounce',
        state: 'dead',
        recipient: 'ada+news@example.com',
        messageId: 'm-1',
        eventId: 'e-1',
        batch: 'b-1',
        from: Date.UTC(2026, 10, 21, 9),
        to: 1_795_255_200_000,
        limit: 25,
        cursor: '50',
      },
      {},
    ])
  })

  it.each([
    ['a+b@example.com', 'a+b@example.com'],
    ['a%2Bb%40example.com', 'a+b@example.com'],
    ['a+b%40example.com', 'a+b@example.com'],
    ['+4917@sms.example.com', '+4917@sms.example.com'],
    ['%22a+b%22@example.com', '"a b"@example.com'],
    ['Ann+Lee+%3Cann@example.com%3E', 'Ann Lee <ann@example.com>'],
  ])('takes recipient=%s for %s, as a plus in an address is one', async (sent, recipient) => {
    const { app, archive } = buildAdmin()
    await app.inject(`/api/events?recipient=${sent}&type=soft+bounce`)
    await app.inject(`/api/events.csv?recipient=${sent}&type=soft+bounce`)
    const given = { recipient, type: 'soft bounce' }
    expect(archive.calls).toMatchObject([{ given }, { given }])
  })

  it('walks through all pages by their cursors, each event once', async () => {
    const { app, archive } = buildAdmin()
    for (let id = 1; id <= 23; id += 1) archive.events.push(makeEvent(String(id)))
    const seen: string[] = []
    const sizes: number[] = []

    let cursor: string | null = ''
    while (cursor !== null) {
      const given: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page: { events: { id: string }[]; cursor: string | null } = (
        await app.inject(`/api/events?limit=10${given}`)
      ).json()
      seen.push(...page.events.map((event) => event.id))
      sizes.push(page.events.length)
      cursor = page.cursor
    }

    expect(sizes).toEqual([10, 10, 3])
    expect(new Set(seen).size).toBe(23)
  })
})

describe('GET /api/events/<id>', () => {
  it('answers the event with its exact payload and its jobs with their attempts', async () => {
    const { app, archive } = buildAdmin()
    const payload = '{ "event":"bounce",\t"n":12345678901234567890,"a":1,"a":2,"s":"\\ud800" }'
    archive.events.push(
      makeEvent('7', {
        payload,
        jobs: [makeJob('7', 'suppress', 'dead'), makeJob('7', 'log', 'pending')],
      }),
    )

    const answer = await app.inject('/api/events/7')

    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ id: '7', event_id: 'event-7', payload })
    expect(answer.json().jobs).toEqual([
      {
        event: '7',
        handler: 'suppress',
        state: 'dead',
        attempt: 1,
        due_at: null,
        last_error: 'no such list',
        discarded: null,
        attempts: [
          {
            attempt: 1,
            outcome: 'dead',
            ended_at: '1970-01-01T00:00:01.000Z',
            duration_ms: 12,
            error: null,
          },
        ],
      },
      {
        event: '7',
        handler: 'log',
        state: 'pending',
        attempt: 0,
        due_at: '1970-01-01T00:00:05.000Z',
        last_error: null,
        discarded: null,
        attempts: [],
      },
    ])
  })

  it.each(['1e0', '01', '+1', '1.0', '0x1', '%201', '1%00', '99999999999999999999', 'event-1'])(
    'does not take %s for the id 1',
    async (id) => {
      const { app, archive } = buildAdmin()
      archive.events.push(makeEvent('1'))

      const answer = await app.inject(`/api/events/${id}`)

      expect(answer.statusCode).toBe(404)
      expect(answer.json().message).toContain('event_id')
      expect(archive.calls).toEqual([])
    },
  )

  it('answers 404 to an unknown id', async () => {
    const { app } = buildAdmin()

    const answer = await app.inject('/api/events/8')

    expect(answer.statusCode).toBe(404)
    expect(answer.json()).toMatchObject({ error: 'not_found' })
  })
})
