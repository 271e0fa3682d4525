import { describe, expect, it } from 'vitest'
import { failureGroup } from '../../../src/admin/api/failures.ts'
import type { JobName, JobRow } from '../../../src/store/store.ts'
import { buildAdmin, makeHandler } from '../build-admin.ts'
import { makeEvent, makeJob } from '../memory-archive.ts'

function setUp() {
  const admin = buildAdmin()
  const post = (url: string, payload: object = {}) =>
    admin.app.inject({ method: 'POST', url, payload })
  const addJob = (id: string, job: Partial<JobRow> = {}) => {
    const jobs = [{ ...makeJob(id, 'crm', job.state ?? 'dead'), ...job }]
    admin.archive.events.unshift(makeEvent(id, { jobs }))
  }
  /** What the store was told to replay. */
  const replayed = () =>
    admin.archive.calls.flatMap(({ name, given }) =>
      name === 'replay' ? [given as { jobs: readonly JobName[]; only: string }] : [],
    )
  return { ...admin, post, addJob, replayed }
}

describe('GET /api/handlers', () => {
  it('answers every handler that is loaded, seen, paused, or has jobs', async () => {
    const { app, archive, handlers, health, recent } = setUp()
    handlers.push(makeHandler('crm', ['bounce']))
    health['crm'] = { running: true, restarts: 2, lastProblem: 'exited' }
    archive.handlers.set('old', 5_000)
    archive.figures = { jobs: { crm: { pending: 1, done: 2, dead: 3 } } }
    for (const outcome of ['done', 'done', 'retry', 'dead'] as const)
      recent.noteAttempts('crm', outcome, 1)

    const [crm, old] = (await app.inject('/api/handlers')).json().handlers

    expect(crm).toMatchObject({
      name: 'crm',
      keys: ['bounce'],
      running: true,
      restarts: 2,
      last_problem: 'exited',
      paused_since: null,
      jobs: { pending: 1, done: 2, dead: 3 },
      recent: { over_minutes: 60, done: 2, retry: 1, dead: 1 },
    })
    expect(crm.recent.failed_by_minute.at(-1)).toBe(2)
    expect(old).toMatchObject({
      name: 'old',
      running: false,
      restarts: null,
      paused_since: '1970-01-01T00:00:05.000Z',
      jobs: { pending: 0, done: 0, dead: 0 },
    })
  })
})

describe('POST /api/handlers/:name/pause and /resume', () => {
  it('mark the handler in the store, and leave a trail', async () => {
    const { post, archive, trail } = setUp()
    archive.handlers.set('crm', undefined)

    expect((await post('/api/handlers/crm/pause')).json()).toEqual({ handler: 'crm', paused: true })
    expect(archive.handlers.get('crm')).toBe(1_000)
    expect((await post('/api/handlers/crm/resume')).json()).toEqual({
      handler: 'crm',
      paused: false,
    })
    expect(archive.handlers.get('crm')).toBeUndefined()
    expect(trail).toEqual([
      { address: '127.0.0.1', handler: 'crm', isPaused: true },
      { address: '127.0.0.1', handler: 'crm', isPaused: false },
    ])
  })

  it('answer 404 for one that was never seen, and change nothing by GET', async () => {
    const { app, post, trail } = setUp()
    expect((await post('/api/handlers/nobody/pause')).statusCode).toBe(404)
    expect((await app.inject('/api/handlers/crm/pause')).statusCode).toBe(405)
    expect(trail).toEqual([])
  })
})

describe('GET /api/handlers/:name/failures', () => {
  it('groups by what errors have in common, the most first, with an event of each', async () => {
    const { app, addJob } = setUp()
    addJob('1', { lastError: 'timeout after 30012 ms' })
    addJob('2', { lastError: 'no list for ann@example.com\n    at x.ts:3' })
    addJob('3', { lastError: 'timeout after 31000 ms' })
    addJob('4', { lastError: 'timeout after 1 ms', state: 'pending', attempt: 1 })
    addJob('5', { state: 'pending' })

    expect((await app.inject('/api/handlers/crm/failures')).json()).toMatchObject({
      failures: [
        { error: 'timeout after # ms', dead: 2, retrying: 1 },
        { error: 'no list for …@…', dead: 1, retrying: 0, event: '2' },
      ],
      examined: 4,
      is_partial: false,
    })
  })

  it('looks at two thousand dead jobs at most, and says so', async () => {
    const { app, addJob, archive } = setUp()
    for (let id = 1; id <= 2_100; id++) addJob(String(id))
    const answer = (await app.inject('/api/handlers/crm/failures')).json()
    expect(answer).toMatchObject({ examined: 2_000, is_partial: true })
    expect(archive.calls).toHaveLength(5)
  })

  it.each([
    ['user 0190a000-0000-7000-8000-000000000001 not found', 'user # not found'],
    ['sha deadbeef01 differs', 'sha # differs'],
    ['faced a decade', 'faced a decade'],
    [undefined, '(no error text)'],
    [`${'x'.repeat(5_000)}`, 'x'.repeat(200)],
    [
      'TypeError: fetch failed\n    at x.ts:3\nCaused by: Error: connect ECONNREFUSED 10.0.0.1:80\n    at y.ts:4',
      'TypeError: fetch failed, caused by Error: connect ECONNREFUSED #.#.#.#:#',
    ],
  ])('calls %s %s', (error, group) => expect(failureGroup(error)).toBe(group))

  it('is not slowed down by a hostile error', () => {
    const before = process.cpuUsage()
    for (const text of ['a@'.repeat(50_000), '1-'.repeat(50_000), 'a'.repeat(100_000)])
      failureGroup(text)
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_000)
  })
})

it('does not even look for a name that no handler can have', async () => {
  const { app, archive } = setUp()
  expect((await app.inject('/api/handlers/a%00b/failures')).statusCode).toBe(404)
  expect(archive.calls).toEqual([])
})

describe('POST /api/jobs/replay', () => {
  it('replays jobs that are named, of dead and discarded ones alone', async () => {
    const { post, addJob, archive } = setUp()
    addJob('1')
    addJob('2', { state: 'done' })
    const jobs = ['1', '2'].map((event) => ({ event, handler: 'crm' }))

    expect((await post('/api/jobs/replay', { jobs })).json()).toEqual({ replayed: 1 })
    expect(archive.calls).toEqual(
      ['dead', 'discarded'].map((only) => ({ name: 'replay', given: { jobs, only } })),
    )
  })

  it('replays all that match, however many, of dead ones alone', async () => {
    const { post, addJob, archive, replayed, replays } = setUp()
    archive.handlers.set('crm', undefined)
    for (let id = 1; id <= 700; id++) addJob(String(id))
    addJob('701', { state: 'discarded' })
    addJob('702', { lastError: 'timeout after 5 ms' })

    const asked = { handler: 'crm', error: 'no such list' }
    expect((await post('/api/jobs/replay', asked)).json()).toEqual({ replayed: 700 })
    expect(replayed().map(({ jobs, only }) => `${jobs.length} ${only}`)).toEqual([
      ...['499 dead', '201 dead'],
    ])
    expect(replays).toMatchObject([{ filter: { handler: 'crm', state: 'dead' }, jobs: 700 }])
  })

  it('replays those of a selection with one error', async () => {
    const { post, addJob } = setUp()
    addJob('1', { lastError: 'timeout after 5 ms' })
    addJob('2', { lastError: 'other' })
    const jobs = ['1', '2'].map((event) => ({ event, handler: 'crm' }))

    const answer = await post('/api/jobs/replay', { jobs, error: 'timeout after # ms' })

    expect(answer.json()).toEqual({ replayed: 1 })
  })

  it('refuses to replay everything', async () => {
    const { post, archive } = setUp()
    const answer = await post('/api/jobs/replay', {})
    expect(answer.statusCode).toBe(400)
    expect(answer.json().message).toContain('without any, every dead job would run again')
    expect(archive.calls).toEqual([])
  })

  it.each([
    [{ jobs: [] }],
    [{ jobs: 'all' }],
    [{ jobs: [{ event: '1' }] }],
    [{ jobs: [{ event: '1e9', handler: 'crm' }] }],
    [{ jobs: [{ event: '1', handler: 'ann@example.com' }] }],
    [{ jobs: [{ event: '1', handler: 'a\u0000b' }] }],
    [{ jobs: [{ event: '1', handler: 'crm', more: 1 }] }],
    [{ jobs: Array.from({ length: 501 }, () => ({ event: '1', handler: 'crm' })) }],
  ])('refuses anything else', async (payload) => {
    const { post, archive } = setUp()
    const answer = await post('/api/jobs/replay', payload)
    expect(answer.statusCode).toBe(400)
    expect(answer.json().message).toContain('jobs must be a list of 1 to 500 jobs')
    expect(archive.calls).toEqual([])
  })
})
