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

  it('takes a handler that is not there any more: its jobs are', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(makeEvent('1', { jobs: [makeJob('1', 'removed', 'pending')] }))

    expect((await app.inject('/api/jobs?handler=removed')).json().jobs).toHaveLength(1)
  })
})
