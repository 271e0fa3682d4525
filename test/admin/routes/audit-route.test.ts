import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'
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
      ['/api/handlers/crm/replay', {}],
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
      { action: 'replay', parameters: { selected: 1 }, counts: { jobs: 1 } },
      { action: 'replay', parameters: { handler: 'crm', state: 'dead' }, counts: { jobs: 1 } },
      { action: 'requeue', parameters: { piece: '7' }, counts: { pieces: 1 } },
    ])
    expect(audit).toHaveLength(2 * ended.length)
  })
})
