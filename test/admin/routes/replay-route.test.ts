import { describe, expect, it } from 'vitest'
import type { EventDetail } from '../../../src/store/store.ts'
import { buildAdmin, makeHandler } from '../build-admin.ts'
import { makeEvent, makeJob } from '../memory-archive.ts'

function setUp(events: readonly EventDetail[]) {
  const admin = buildAdmin()
  admin.archive.events.push(...events)
  admin.handlers.push(makeHandler('suppress', ['bounce']), makeHandler('log', ['*']))
  const replay = (payload: unknown) =>
    admin.app.inject({
      method: 'POST',
      url: '/api/replay',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(payload),
    })
  const asked = () =>
    admin.archive.calls.filter((call) => call.name === 'replay').map((c) => c.given)
  return { ...admin, replay, asked }
}

const DEAD = makeEvent('1', {
  state: 'dead',
  jobs: [makeJob('1', 'suppress', 'dead'), makeJob('1', 'log', 'done')],
})
const DONE = makeEvent('2', {
  type: 'open',
  name: 'email.opened',
  jobs: [makeJob('2', 'log', 'done')],
})
const UNHANDLED = makeEvent('3', { state: 'unhandled' })
const CONFLICT = makeEvent('4', { state: 'conflict' })
const STALE = makeEvent('5', { state: 'stale' })
const ALL = [DEAD, DONE, UNHANDLED, CONFLICT, STALE]

describe('POST /api/replay', () => {
  it('makes dead jobs pending again, and leaves alone what is done', async () => {
    const { replay, asked } = setUp(ALL)

    const answer = await replay({ state: 'dead' })

    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ replayed: 1 })
    expect(asked()).toEqual([
      {
        jobs: [
          { event: '1', handler: 'suppress' },
          { event: '1', handler: 'log' },
        ],
        only: 'dead',
      },
    ])
  })

  it('asks handlers for the events they want, also one that is new', async () => {
    const { replay, asked, handlers } = setUp(ALL)
    handlers.push(makeHandler('newcomer', ['email.opened']))

    const answer = await replay({ handler: 'newcomer' })

    expect(answer.json()).toEqual({ replayed: 1 })
    expect(asked()).toEqual([{ jobs: [{ event: '2', handler: 'newcomer' }], only: undefined }])
  })

  it('runs conflicts and stale events only when they are named', async () => {
    const { replay, asked } = setUp(ALL)

    await replay({ handler: 'log' })
    await replay({ handler: 'log', state: 'conflict' })
    await replay({ handler: 'log', state: 'stale' })
    await replay({ handler: 'log', event: '4' })

    const events = asked().map((call) => (call as { jobs: { event: string }[] }).jobs)
    expect(events.map((jobs) => jobs.map(({ event }) => event))).toEqual([
      ['1', '2', '3'],
      ['4'],
      ['5'],
      ['4'],
    ])
  })

  it('passes type and span on to the search', async () => {
    const { replay, archive } = setUp(ALL)

    await replay({ type: 'bounce', from: '2026-11-21', to: 1_795_255_200, state: 'done' })

    expect(archive.calls[0]).toStrictEqual({
      name: 'listEvents',
      given: {
        type: 'bounce',
        state: 'done',
        from: Date.UTC(2026, 10, 21),
        to: 1_795_255_200_000,
        limit: 500,
      },
    })
  })

  it('walks through every page, never holding more than one', async () => {
    const events = Array.from({ length: 1_203 }, (_, id) => makeEvent(String(id)))
    const { replay, asked } = setUp(events)

    const answer = await replay({ type: 'bounce' })

    expect(answer.json()).toEqual({ replayed: 2_406 })
    expect(asked().map((call) => (call as { jobs: unknown[] }).jobs.length)).toEqual([
      1_000, 1_000, 406,
    ])
  })

  it.each([
    [{ event: '2' }, 1],
    [{ event: '2', type: 'open', state: 'done', from: 0, to: '2027-01-01' }, 1],
    [{ event: '2', type: 'bounce' }, 0],
    [{ event: '2', state: 'dead' }, 0],
    [{ event: '2', from: '2027-01-01' }, 0],
    [{ event: '2', to: '2026-01-01' }, 0],
    [{ event: '2', handler: 'suppress' }, 0],
  ])('narrows one event by the other fields: %j', async (request, replayed) => {
    const { replay } = setUp(ALL)

    expect((await replay(request)).json()).toEqual({ replayed })
  })

  it('never gives handlers what the test button of the provider made', async () => {
    const { replay, asked } = setUp([
      makeEvent('1', { state: 'unhandled', eventId: 'bede7236-2284-43d6-a953-1fdcafd0fdbc' }),
      makeEvent('2', { state: 'unhandled', eventId: '657b8544-6a95-4c47-997f-6e47922a5052' }),
      makeEvent('3', { state: 'unhandled' }),
    ])

    const all = await replay({ state: 'unhandled', handler: 'log' })
    const one = await replay({ event: '1' })

    expect([all.json(), one.json()]).toEqual([{ replayed: 1 }, { replayed: 0 }])
    expect(asked()).toEqual([{ jobs: [{ event: '3', handler: 'log' }], only: undefined }])
  })

  it.each(['1e0', '01', ' 1', '0x1', '1.0', '99999999999999999999'])(
    'does not take %j for the id of an event',
    async (event) => {
      const { replay, archive } = setUp(ALL)

      const answer = await replay({ event })

      expect(answer.statusCode).toBe(404)
      expect(archive.calls).toEqual([])
    },
  )

  it('answers 404 to an unknown event', async () => {
    const { replay, replays } = setUp(ALL)

    const answer = await replay({ event: '99' })

    expect(answer.statusCode).toBe(404)
    expect(replays).toEqual([])
  })

  it('tells the observer who made how many run again', async () => {
    const { replay, replays } = setUp(ALL)

    await replay({ state: 'dead', handler: 'suppress' })

    expect(replays).toEqual([
      { address: '127.0.0.1', filter: { state: 'dead', handler: 'suppress' }, jobs: 1 },
    ])
  })

  it.each([
    ['nothing', {}, 'At least one of handler, state, type, from, to, event is needed'],
    ['a list', [], 'The body must be a JSON object'],
    ['null', null, 'The body must be a JSON object'],
    ['a text', 'dead', 'The body must be a JSON object'],
    [
      'a misspelt field',
      { handlr: 'log' },
      'There is no parameter "handlr". Did you mean handler?',
    ],
    [
      'a misspelt handler',
      { handler: 'supress' },
      'handler must be the name of a handler: suppress, log. Did you mean suppress?',
    ],
    [
      'an unknown handler',
      { handler: 'x' },
      'handler must be the name of a handler: suppress, log.',
    ],
    [
      'a state of no event',
      { state: 'failed' },
      'state must be one of done, dead, discarded, unhandled, conflict, stale, not "failed".',
    ],
    [
      'what runs anyway',
      { state: 'pending' },
      'state must be one of done, dead, discarded, unhandled, conflict, stale, not "pending".',
    ],
    ['a list of states', { state: ['dead'] }, 'state must be one of done, dead'],
    ['an empty event', { event: '' }, 'event must not be empty'],
    ['a number as event', { event: 4 }, 'event must be a text, such as "4", not 4.'],
    ['a number as state', { state: 5 }, 'conflict, stale, not 5.'],
    ['null as handler', { handler: null }, 'handler must be one text, given once.'],
    [
      'a time that is none',
      { from: 'yesterday' },
      'from must be ISO text such as 2026-11-21T09:30:00Z',
    ],
    [
      'a year, which would be a second of 1970',
      { from: 2026 },
      'from must be ISO text such as 2026-11-21T09:30:00Z',
    ],
    [
      'a span that ends before it begins',
      { from: '2026-11-22', to: '2026-11-21' },
      'from must be earlier than to',
    ],
    ['a limit, which it has not', { state: 'dead', limit: 5 }, 'There is no parameter "limit".'],
  ])('refuses %s and replays nothing', async (_name, payload, message) => {
    const { replay, archive } = setUp(ALL)

    const answer = await replay(payload)

    expect(answer.statusCode).toBe(400)
    expect(answer.json().error).toBe('invalid_parameters')
    expect(answer.json().message).toContain(message)
    expect(archive.calls).toEqual([])
  })

  it('refuses a field called __proto__ like any other', async () => {
    const { app, archive } = setUp(ALL)

    const answer = await app.inject({
      method: 'POST',
      url: '/api/replay',
      headers: { 'content-type': 'application/json' },
      body: '{"state":"dead","__proto__":{"handler":"log"}}',
    })

    expect(answer.statusCode).toBe(400)
    expect(answer.json().message).toContain('There is no parameter "__proto__".')
    expect(archive.calls).toEqual([])
  })

  it('asks a handler with where for the events whose fields fit, and for those it had', async () => {
    const { replay, asked, handlers } = setUp([
      makeEvent('6', { payload: '{"event":"bounce","category":"Orders"}' }),
      makeEvent('7', { payload: '{"event":"bounce","category":"News"}' }),
      makeEvent('8', { payload: 'event=bounce', jobs: [makeJob('8', 'orders', 'done')] }),
    ])
    handlers.push({ ...makeHandler('orders'), where: { category: ['Orders'] } })

    await replay({ handler: 'orders' })

    const jobs = ['6', '8'].map((event) => ({ event, handler: 'orders' }))
    expect(asked()).toEqual([{ jobs, only: undefined }])
  })
})
