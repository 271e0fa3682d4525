import { describe, expect, it } from 'vitest'
import { buildAdmin, makeHandler } from '../build-admin.ts'
import { makeEvent, makeJob } from '../memory-archive.ts'

const DAY = Date.UTC(2026, 10, 21)
const REASON = 'The list was given up.'
const NONE_LEFT = { pending: 0, done: 0, discarded: 0, unknown: 0 }

/** Two handlers; dead jobs of both, of events of two types and days, and one in each other state. */
function withDead() {
  const admin = buildAdmin()
  admin.archive.handlers.set('crm', undefined).set('stats', undefined)
  const failing = { ...makeJob('5', 'crm', 'dead'), lastError: 'timeout after 30 ms' }
  admin.archive.events.push(
    makeEvent('5', { state: 'dead', type: 'open', jobs: [failing] }),
    makeEvent('4', { jobs: [makeJob('4', 'crm', 'dead'), makeJob('4', 'stats', 'dead')] }),
    makeEvent('3', { jobs: [makeJob('3', 'crm', 'pending'), makeJob('3', 'stats', 'dead')] }),
    makeEvent('2', { receivedAt: DAY - 1, jobs: [makeJob('2', 'crm', 'dead')] }),
    makeEvent('1', { jobs: [makeJob('1', 'crm', 'done')] }),
  )
  const ask = (payload: object) =>
    admin.app.inject({ method: 'POST', url: '/api/jobs/discard', payload })
  const discarded = () =>
    admin.archive.events.flatMap(({ jobs }) =>
      jobs.flatMap(({ event, handler, state }) =>
        state === 'discarded' ? [`${event}.${handler}`] : [],
      ),
    )
  const trail = async () => (await admin.app.inject('/api/audit')).json().audit
  return { ...admin, ask, discarded, trail }
}

const named = (...names: readonly string[]) =>
  names.map((name) => {
    const [event = '', handler = ''] = name.split('.')
    return { event, handler }
  })

describe('POST /api/jobs/discard', () => {
  it('settles a selection, says which were not dead, and keeps who did it in the trail', async () => {
    const { ask, discarded, trail, app, discards } = withDead()
    const jobs = named('4.crm', '3.crm', '1.crm', '9.crm', '4.nobody', '4.crm')

    const answer = await ask({ jobs, reason: `  ${REASON} ` })

    const left = { pending: 1, done: 1, discarded: 0, unknown: 2 }
    expect(answer.json()).toEqual({ discarded: 1, left })
    expect(discarded()).toEqual(['4.crm'])
    expect(await trail()).toMatchObject([
      { action: 'discard', outcome: 'done', counts: { jobs: 1 } },
      { action: 'discard', outcome: 'begun', parameters: { reason: REASON, selected: 6 } },
    ])
    expect(discards).toEqual([{ address: '127.0.0.1', filter: {}, jobs: 1 }])
    const { jobs: listed } = (await app.inject('/api/jobs?state=discarded')).json()
    expect(listed).toMatchObject([
      { event: '4', state: 'discarded', discarded: { at: expect.any(String), reason: REASON } },
    ])
  })

  it('changes nothing when it is asked for again', async () => {
    const { ask, discarded } = withDead()
    const jobs = named('4.crm')
    await ask({ jobs, reason: REASON })

    const again = await ask({ jobs, reason: 'another' })

    expect(again.json()).toEqual({ discarded: 0, left: { ...NONE_LEFT, discarded: 1 } })
    expect(discarded()).toEqual(['4.crm'])
  })

  it.each([
    [{ handler: 'crm' }, ['5.crm', '4.crm', '2.crm'], {}],
    [{ handler: 'crm', error: 'timeout after # ms' }, ['5.crm'], {}],
    [{ error: 'no such list' }, ['4.crm', '4.stats', '3.stats', '2.crm'], {}],
    [{ type: 'bounce' }, ['4.crm', '4.stats', '3.stats', '2.crm'], {}],
    [{ type: 'bounce', from: '2026-11-21', handler: 'stats' }, ['4.stats', '3.stats'], {}],
    [{ to: '2026-11-21' }, ['2.crm'], {}],
    [{ event: '3' }, ['3.stats'], { pending: 1 }],
    [{ event: '3', handler: 'crm' }, [], { pending: 1 }],
    [{ event: '3', type: 'open' }, [], {}],
    [{ jobs: named('5.crm', '4.crm', '3.crm'), type: 'open' }, ['5.crm'], {}],
    [{ jobs: named('5.crm', '4.crm'), event: '4' }, ['4.crm'], {}],
    [{ jobs: named('4.crm', '4.stats'), handler: 'stats' }, ['4.stats'], {}],
  ])('discards what matches %j', async (filter, expected, left) => {
    const { ask, discarded } = withDead()

    const answer = await ask({ ...filter, reason: REASON })

    expect(answer.json()).toEqual({
      discarded: expected.length,
      left: { ...NONE_LEFT, ...left },
    })
    expect(discarded()).toEqual(expected)
  })

  it.each([
    [{ handler: 'crm' }, 'reason must say in a text why'],
    [{ handler: 'crm', reason: ' \t ' }, 'reason must say why nobody needs these jobs'],
    [{ handler: 'crm', reason: 7 }, 'reason must say in a text why'],
    [{ handler: 'crm', reason: 'x'.repeat(301) }, 'reason must be at most 300 characters long'],
    [{ handler: 'crm', reason: 'two\nlines' }, 'reason must be one line of text'],
    [{ handler: 'crm', reason: 'a\u001b[31m' }, 'reason must be one line of text'],
    [{ handler: 'crm', reason: 'half \ud800' }, 'reason must be one line of text'],
    [{ reason: REASON }, 'without any, every dead job would be discarded'],
    [{ handler: 'cmr', reason: REASON }, 'Did you mean crm?'],
    [{ hander: 'crm', reason: REASON }, 'Did you mean handler?'],
  ])('refuses %j and changes nothing', async (payload, text) => {
    const { ask, discarded, trail } = withDead()

    const answer = await ask(payload)

    expect(answer.statusCode).toBe(400)
    expect(answer.json().message).toContain(text)
    expect(discarded()).toEqual([])
    expect(await trail()).toEqual([])
  })

  it('takes 300 characters after trimming, and answers 404 for an event that is not there', async () => {
    const { ask } = withDead()
    expect((await ask({ handler: 'crm', reason: ` ${'€'.repeat(300)} ` })).statusCode).toBe(200)
    expect((await ask({ event: '9', reason: REASON })).statusCode).toBe(404)
  })

  it('keeps nobody’s address in the trail, for nothing is ever taken from it', async () => {
    const { ask, trail, archive } = withDead()
    const reason =
      'asked for by "ann lee"@example.com (hashed:0123456789abcdef), see /u/ann%40x.org'

    await ask({ handler: 'crm', reason })

    const [ended] = await trail()
    expect(ended.parameters.reason).toBe('asked for by "ann … … see …')
    const [job] = archive.events.flatMap(({ jobs }) => jobs).filter(({ discarded }) => discarded)
    expect(job?.discarded?.reason).toBe(reason)
  })
})

describe('a discarded job', () => {
  const replay = async (admin: ReturnType<typeof withDead>, payload: object) => {
    admin.handlers.splice(0, 2, makeHandler('crm'), makeHandler('stats'))
    return (await admin.app.inject({ method: 'POST', url: '/api/replay', payload })).json()
  }

  it('is not replayed with others, but by its state, or by its event', async () => {
    const admin = withDead()
    await admin.ask({ jobs: named('4.crm', '4.stats', '2.crm'), reason: REASON })

    const replays = () =>
      admin.archive.calls.flatMap(({ name, given }) => {
        if (name !== 'replay') return []
        const { jobs, only } = given as { jobs: ReturnType<typeof named>; only?: string }
        const names = only === 'discarded' ? jobs : []
        return names.map(({ event, handler }) => `${event}.${handler}`)
      })
    expect(await replay(admin, { type: 'bounce' })).toEqual({ replayed: 4 })
    expect(await replay(admin, { state: 'dead' })).toMatchObject({ replayed: expect.any(Number) })
    expect(replays()).toEqual([])

    expect(await replay(admin, { state: 'discarded', from: DAY })).toEqual({ replayed: 2 })
    expect(replays()).toEqual(['4.crm', '4.stats'])
    expect(await replay(admin, { event: '2', handler: 'crm' })).toEqual({ replayed: 1 })
    expect(await replay(admin, { event: '2', state: 'discarded', handler: 'stats' })).toEqual({
      replayed: 0,
    })
  })

  it('is replayed with a selection that names it', async () => {
    const admin = withDead()
    await admin.ask({ jobs: named('4.crm'), reason: REASON })

    const payload = { jobs: named('4.crm', '5.crm', '1.crm') }
    const answer = await admin.app.inject({ method: 'POST', url: '/api/jobs/replay', payload })

    expect(answer.json()).toEqual({ replayed: 2 })
  })
})
