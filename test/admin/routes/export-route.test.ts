import { describe, expect, it } from 'vitest'
import { csvLine } from '../../../src/admin/api/events.ts'
import { buildAdmin } from '../build-admin.ts'
import { makeEvent } from '../memory-archive.ts'

describe('GET /api/events.csv', () => {
  it('answers the events that match as a file, newest first', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(
      makeEvent('2', { recipient: '=1+1', type: 'a "quoted", text' }),
      makeEvent('1', { type: 'open' }),
    )

    const answer = await app.inject('/api/events.csv?source=mailtrap')

    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(answer.headers['content-disposition']).toContain('events.csv')
    const [head, second, first, end] = answer.body.split('\r\n')
    expect(head).toMatch(/^\uFEFFid,received_at,occurred_at,source,provider,type/)
    expect(second).toContain(`,"a ""quoted"", text",`)
    expect(second).toContain(`,"'=1+1",`)
    expect(first).toMatch(/^1,/)
    expect(end).toBe('')
    // So Excel knows that it is UTF-8; once, at the very beginning.
    expect([...answer.rawPayload.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
    expect(answer.body.lastIndexOf('\uFEFF')).toBe(0)
  })

  it('ends after ten thousand events', async () => {
    const { app, archive } = buildAdmin()
    for (let id = 10_200; id > 0; id--) archive.events.push(makeEvent(String(id)))
    const { body } = await app.inject('/api/events.csv')
    expect(body.split('\r\n')).toHaveLength(10_002)
    expect(archive.calls).toHaveLength(20)
  })

  it('goes on over looks that find little or nothing, until there is nothing more', async () => {
    const { app, archive } = buildAdmin()
    for (let id = 30; id > 0; id--) archive.events.push(makeEvent(String(id)))
    const { listEvents } = archive
    let looks = 0
    archive.listEvents = async (query) =>
      looks++ % 2 === 0
        ? listEvents({ ...query, limit: 1 })
        : { rows: [], cursor: query.cursor, isPartial: true }
    const { body } = await app.inject('/api/events.csv')
    expect(body.split('\r\n')).toHaveLength(32)
  })

  it('ends after ten thousand events also when the last look finds more', async () => {
    const { app, archive } = buildAdmin()
    for (let id = 10_200; id > 0; id--) archive.events.push(makeEvent(String(id)))
    const { listEvents } = archive
    archive.listEvents = (query) => listEvents({ ...query, limit: 499 })
    const { body } = await app.inject('/api/events.csv')
    expect(body.split('\r\n')).toHaveLength(10_002)
  })

  it('takes the filters of the list, and no paging', async () => {
    const { app } = buildAdmin()
    expect((await app.inject('/api/events.csv?limit=5')).statusCode).toBe(400)
    expect((await app.inject('/api/events.csv?state=nonsense')).statusCode).toBe(400)
  })
})

describe('a cell', () => {
  it.each([
    ['=cmd()', `"'=cmd()"`],
    ['+1', `"'+1"`],
    ['-1', `"'-1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'\t=1"`],
    [' =1', `"' =1"`],
    ['\r=1', `"'\r=1"`],
    ['a\r\nb', '"a\r\nb"'],
    ['say "x"', '"say ""x"""'],
    ['ann@example.com', 'ann@example.com'],
  ])('of %j is no formula', (text, cell) => expect(csvLine([text, 1, null])).toBe(`${cell},1,\r\n`))
})
