import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'
import { makeEvent, makeJob } from '../memory-archive.ts'

describe('GET /api/jobs', () => {
  it('answers jobs by handler and state, page by page', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(
      makeEvent('1', { jobs: [makeJob('1', 'a', 'dead'), makeJob('1', 'b', 'dead')] }),
      makeEvent('2', { jobs: [makeJob('2', 'a', 'dead'), makeJob('2', 'b', 'done')] }),
      makeEvent('3', { jobs: [makeJob('3', 'a', 'pending')] }),
    )

    const first = await app.inject('/api/jobs?handler=a&state=dead&limit=1')
    const second = await app.inject(
      `/api/jobs?handler=a&state=dead&limit=1&cursor=${first.json().cursor}`,
    )

    expect(first.json()).toMatchObject({
      jobs: [{ event: '1', handler: 'a', state: 'dead', last_error: 'no such list', due_at: null }],
      cursor: '1.a',
    })
    expect(second.json()).toMatchObject({ jobs: [{ event: '2', handler: 'a' }], cursor: null })
    expect(archive.calls[0]?.given).toStrictEqual({ handler: 'a', state: 'dead', limit: 1 })
  })

  it('answers those that are tried again, with what people know their events by', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(
      makeEvent('2', { jobs: [makeJob('2', 'crm', 'pending')] }),
      makeEvent('1', { jobs: [makeWaiting('1', 'crm')] }),
    )

    expect((await app.inject('/api/jobs?state=retrying')).json().jobs).toMatchObject([
      {
        ...{ event: '1', state: 'pending', attempt: 2, due_at: '1970-01-01T00:00:05.000Z' },
        ...{ type: 'bounce', recipient: 'ada@example.com' },
        received_at: '2026-11-21T09:30:00.000Z',
      },
    ])
  })

  it('takes a handler that is not there any more: its jobs are', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(makeEvent('1', { jobs: [makeJob('1', 'removed', 'pending')] }))

    expect((await app.inject('/api/jobs?handler=removed')).json().jobs).toHaveLength(1)
  })
})

/** One that failed and is tried again. */
const makeWaiting = (event: string, handler: string) => ({
  ...makeJob(event, handler, 'pending'),
  attempt: 2,
  lastError: `timeout after ${event} ms`,
})

describe('POST /api/jobs/retry', () => {
  const ask = (admin: ReturnType<typeof buildAdmin>, payload: object) =>
    admin.app.inject({ method: 'POST', url: '/api/jobs/retry', payload })

  it('runs a selection now, and keeps in the trail who asked for what', async () => {
    const admin = buildAdmin()
    const jobs = [{ event: '1', handler: 'crm' }]
    admin.archive.events.push(makeEvent('1', { jobs: [makeWaiting('1', 'crm')] }))

    expect((await ask(admin, { jobs })).json()).toEqual({ retried: 1 })

    const hastened = admin.archive.calls.find(({ name }) => name === 'hasten')
    expect(hastened?.given).toMatchObject({ jobs })
    const { audit } = (await admin.app.inject('/api/audit')).json()
    expect(audit).toMatchObject([
      { action: 'retry', outcome: 'done', counts: { jobs: 1 } },
      { action: 'retry', outcome: 'begun', parameters: { events: '1', handlers: 'crm' } },
    ])
  })

  it('runs all jobs of a handler now that have failed, and no others', async () => {
    const admin = buildAdmin()
    admin.archive.handlers.set('crm', undefined)
    admin.archive.events.push(
      makeEvent('1', { jobs: [makeWaiting('1', 'crm')] }),
      makeEvent('2', { jobs: [makeJob('2', 'crm', 'pending')] }),
    )

    expect((await ask(admin, { handler: 'crm' })).json()).toEqual({ retried: 1 })
    const hastened = admin.archive.calls.find(({ name }) => name === 'hasten')
    expect(hastened?.given).toMatchObject({ jobs: [{ event: '1', handler: 'crm' }] })
  })

  it('runs what waits of matching events now, of every handler or of one', async () => {
    const admin = buildAdmin()
    admin.archive.handlers.set('crm', undefined).set('stats', undefined)
    const day = Date.UTC(2026, 10, 21)
    const ofTwo = (event: string) => ({ jobs: ['crm', 'stats'].map((h) => makeWaiting(event, h)) })
    admin.archive.events.push(
      makeEvent('4', { ...ofTwo('4'), type: 'open' }),
      makeEvent('3', ofTwo('3')),
      makeEvent('2', { jobs: [makeJob('2', 'crm', 'dead')] }),
      makeEvent('1', { ...ofTwo('1'), receivedAt: day - 1 }),
    )
    const ofBoth = ['crm', 'stats'].map((handler) => ({ event: '3', handler }))
    const cases = [
      [{ type: 'bounce', from: day }, ofBoth],
      [{ event: '3' }, ofBoth],
      [{ type: 'bounce', from: day, handler: 'crm' }, ofBoth.slice(0, 1)],
      [{ to: day, handler: 'stats' }, [{ event: '1', handler: 'stats' }]],
    ] as const
    for (const [payload, jobs] of cases) {
      expect((await ask(admin, payload)).json()).toEqual({ retried: jobs.length })
      expect(admin.archive.calls.at(-1)?.given, JSON.stringify(payload)).toMatchObject({ jobs })
    }
    expect((await ask(admin, { event: '3', type: 'open' })).json()).toEqual({ retried: 0 })
  })

  it.each([
    [{ handler: 'crm' }, ['1.crm', '2.crm']],
    [{ event: '2' }, ['2.crm', '2.stats']],
    [{ type: 'open' }, ['2.crm', '2.stats']],
    [{ from: '2027-01-01' }, []],
  ])('narrows a selection by %j', async (filter, expected) => {
    const admin = buildAdmin()
    admin.archive.handlers.set('crm', undefined).set('stats', undefined)
    admin.archive.events.push(
      makeEvent('2', { type: 'open', jobs: ['crm', 'stats'].map((h) => makeWaiting('2', h)) }),
      makeEvent('1', { jobs: [makeWaiting('1', 'crm')] }),
    )
    const jobs = ['1.crm', '2.crm', '2.stats'].map((name) => {
      const [event = '', handler = ''] = name.split('.')
      return { event, handler }
    })

    expect((await ask(admin, { jobs, ...filter })).json()).toEqual({ retried: expected.length })
    const hastened = admin.archive.calls.flatMap(({ name, given }) =>
      name === 'hasten' ? (given as { jobs: typeof jobs }).jobs : [],
    )
    expect(hastened.map(({ event, handler }) => `${event}.${handler}`)).toEqual(expected)
  })

  it('runs those now that failed with one error', async () => {
    const admin = buildAdmin()
    admin.archive.handlers.set('crm', undefined)
    const other = { ...makeWaiting('2', 'crm'), lastError: 'no such list' }
    admin.archive.events.push(
      makeEvent('2', { jobs: [other] }),
      makeEvent('1', { jobs: [makeWaiting('1', 'crm')] }),
    )

    const answer = await ask(admin, { handler: 'crm', error: 'timeout after # ms' })

    expect(answer.json()).toEqual({ retried: 1 })
    expect(admin.archive.calls.at(-1)?.given).toMatchObject({ jobs: [{ event: '1' }] })
  })

  it('knows the handler and the event that are named, or says so', async () => {
    const admin = buildAdmin()
    admin.archive.handlers.set('crm', undefined)

    const misspelt = await ask(admin, { handler: 'cmr' })
    expect(misspelt.statusCode).toBe(400)
    expect(misspelt.json().message).toContain('Did you mean crm?')
    expect((await ask(admin, { event: '9' })).statusCode).toBe(404)
    expect(admin.archive.audit).toEqual([])
  })

  it('refuses to run everything now that waits', async () => {
    const answer = await ask(buildAdmin(), {})

    expect(answer.statusCode).toBe(400)
    expect(answer.json().message).toContain('without any, every job would run now')
  })
})
