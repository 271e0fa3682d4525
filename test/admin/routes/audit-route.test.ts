import { describe, expect, it } from 'vitest'
import { basic, buildAdmin } from '../build-admin.ts'
import { makeEvent, makeJob, makePiece } from '../memory-archive.ts'

describe('the trail of what people had done', () => {
  it('has a beginning and an end of everything the page can do', async () => {
    const { app, archive } = buildAdmin()
    archive.handlers.set('crm', undefined)
    archive.events.push(makeEvent('1', { jobs: [makeJob('1', 'crm', 'dead')] }))
    archive.quarantine.push(makePiece('7', Buffer.from('x')))
    const calls: [url: string, payload: object][] = [
      ['/api/handlers/crm/pause', {}],
      ['/api/handlers/crm/resume', {}],
      ['/api/jobs/replay', { jobs: [{ event: '1', handler: 'crm' }] }],
      ['/api/jobs/replay', { handler: 'crm' }],
      ['/api/quarantine/7/replay', {}],
    ]
    for (const [url, payload] of calls) {
      expect((await app.inject({ method: 'POST', url, payload })).statusCode, url).toBe(200)
    }

    const { audit } = (await app.inject('/api/audit')).json()

    const ended = audit.filter(({ outcome }: { outcome: string }) => outcome === 'done').reverse()
    expect(ended).toMatchObject([
      { action: 'pause', parameters: { handler: 'crm' }, counts: { handlers: 1 } },
      { action: 'resume', parameters: { handler: 'crm' }, counts: { handlers: 1 } },
      {
        action: 'replay',
        parameters: { selected: 1, handlers: 'crm', events: '1' },
        counts: { jobs: 1 },
      },
      { action: 'replay', parameters: { handler: 'crm' }, counts: { jobs: 1 } },
      { action: 'requeue', parameters: { piece: '7' }, counts: { pieces: 1 } },
    ])
    expect(audit).toHaveLength(2 * ended.length)
  })

  it('names the network of who asked, also through a proxy that is trusted', async () => {
    const { app, archive } = buildAdmin({ password: 'secret', trustProxy: ['10.0.0.1/32'] })
    const ask = (remoteAddress: string) =>
      app.inject({
        method: 'POST',
        url: '/api/prune',
        remoteAddress,
        headers: {
          authorization: basic('admin', 'secret'),
          'x-forwarded-for': '203.0.113.7:4711',
        },
        payload: {},
      })
    await ask('10.0.0.1')
    await ask('198.51.100.9')

    const networks = archive.audit.map(({ network }) => network)
    expect(networks).toEqual([
      ...['198.51.100.0/24', '198.51.100.0/24'],
      ...['203.0.113.0/24', '203.0.113.0/24'],
    ])
  })

  it('says which of the dead were replayed: with what error', async () => {
    const { app, archive } = buildAdmin()
    archive.handlers.set('crm', undefined)
    archive.events.push(makeEvent('1', { jobs: [makeJob('1', 'crm', 'dead')] }))
    const payload = { handler: 'crm', error: 'no such list' }
    await app.inject({ method: 'POST', url: '/api/jobs/replay', payload })

    expect(archive.audit[0]).toMatchObject({ parameters: payload, counts: { jobs: 1 } })
  })

  it('names the handlers and the first events of a selection, in bounded room', async () => {
    const { app, archive } = buildAdmin()
    const jobs = Array.from({ length: 500 }, (_, index) => ({
      event: String(1_000 - Math.floor(index / 2)),
      handler: index % 2 ? 'crm' : 'alerts',
    }))
    await app.inject({ method: 'POST', url: '/api/jobs/replay', payload: { jobs } })

    const { selected, handlers, events } = archive.audit[0]?.parameters ?? {}
    expect({ selected, handlers }).toEqual({ selected: 500, handlers: 'alerts,crm' })
    expect(events).toMatch(/^1000,999,(\d+,){48}…$/)
  })

  it.each([
    '/api/handlers/ann@example.com/pause',
    '/api/handlers/nosuch/resume',
    '/api/quarantine/999/replay',
    '/api/quarantine/ann@example.com/replay',
  ])('holds nothing of what is not there to be changed: %s', async (url) => {
    const { app, archive } = buildAdmin()
    archive.handlers.set('crm', undefined)

    expect((await app.inject({ method: 'POST', url, payload: {} })).statusCode).toBe(404)
    expect(archive.audit).toEqual([])
  })
})
