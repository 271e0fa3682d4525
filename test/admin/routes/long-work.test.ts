import { scryptSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ReceiverError } from '../../../src/errors.ts'
import { buildAdmin, NOTHING_ERASED } from '../build-admin.ts'

const REPORT = { ...NOTHING_ERASED, events: 3, pieces: 2, errors: 1, files: 1 }

function setUp() {
  const admin = buildAdmin()
  const post = (url: string, body: unknown, accept = 'application/json') =>
    admin.app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify(body),
    })
  return { ...admin, post }
}

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('POST /api/erase', () => {
  it('answers how much was erased, and tells the observer without the address', async () => {
    const { post, work, erasures } = setUp()
    const asked: string[] = []
    work.erase = async (recipient) => {
      asked.push(recipient)
      return REPORT
    }
    const answer = await post('/api/erase', { recipient: ' Ann@Example.com ' })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({
      erased: 7,
      events: 3,
      quarantined: 2,
      errors: 1,
      files: 1,
      waiting: 0,
      wiped: true,
    })
    expect(asked).toEqual(['Ann@Example.com'])
    expect(erasures).toEqual([{ address: '127.0.0.1', ...REPORT }])
  })

  it('leaves a trail in which the address is only a hash that can be checked', async () => {
    const { post, work, app } = setUp()
    work.erase = async () => REPORT
    await post('/api/erase', { recipient: 'Ann@example.com' })
    const answer = await app.inject('/api/audit')
    const { audit } = answer.json()
    expect(audit).toMatchObject([
      { id: '2', action: 'erase', outcome: 'done', network: '127.0.0.0/24', counts: { erased: 7 } },
      { id: '1', action: 'erase', outcome: 'begun', counts: {} },
    ])
    expect(answer.body.toLowerCase()).not.toContain('ann@')
    const [, salt = '', hash] = audit[0].parameters.recipient.split(':')
    const expected = scryptSync('ann@example.com', Buffer.from(salt, 'base64url'), 32)
    expect(hash).toBe(expected.toString('base64url'))
  })

  it('begins nothing that it cannot put into the trail', async () => {
    const { post, work, archive } = setUp()
    let calls = 0
    work.erase = async () => {
      calls++
      return REPORT
    }
    archive.recordAudit = async () => {
      throw new ReceiverError('store_full')
    }
    const answer = await post('/api/erase', { recipient: 'ann@example.com' })
    expect([answer.statusCode, answer.json().error, calls]).toEqual([503, 'store_full', 0])
  })

  it('answers what it did also when the trail cannot take the end of it', async () => {
    const { post, work, archive, failures, erasures } = setUp()
    work.erase = async () => REPORT
    const { recordAudit } = archive
    archive.recordAudit = async (entry) => {
      if (entry.outcome === 'done') throw new ReceiverError('store_busy')
      await recordAudit(entry)
    }
    const answer = await post('/api/erase', { recipient: 'ann@example.com' })
    expect([answer.statusCode, answer.json().erased]).toEqual([200, 7])
    expect(erasures).toHaveLength(1)
    expect(archive.audit.map(({ outcome }) => outcome)).toEqual(['begun'])
    expect(failures).toMatchObject([{ route: 'audit of erase', error: { code: 'store_busy' } }])
  })

  it('tells of its progress to who wants lines, and its answer last', async () => {
    const { post, work } = setUp()
    work.erase = async (_, onProgress) => {
      onProgress(500, 2_000)
      await new Promise((resolve) => setTimeout(resolve, 500))
      return REPORT
    }
    const answer = await post(
      '/api/erase',
      { recipient: 'ann@example.com' },
      'application/x-ndjson',
    )
    const lines = linesOf(answer.body)
    expect(lines.at(-1)).toMatchObject({ erased: 7 })
    expect(lines).toContainEqual({ progress: { done: 500, total: 2_000, unit: 'events' } })
  })

  it('tells in the last line why it failed, and in the trail that it did', async () => {
    const { post, work, archive, failures } = setUp()
    work.erase = async () => {
      throw new ReceiverError('store_busy')
    }
    const answer = await post(
      '/api/erase',
      { recipient: 'ann@example.com' },
      'application/x-ndjson',
    )
    expect(linesOf(answer.body).at(-1)).toMatchObject({ error: 'store_busy' })
    expect(archive.audit.map(({ outcome }) => outcome)).toEqual(['failed', 'begun'])
    expect(failures).toMatchObject([{ route: '/api/erase' }])
  })

  it.each([
    '"john doe"@example.com',
    '"a@b"@example.com',
    '"doe, john"@example.com',
    'a(b@example.com',
    'a b@example.com',
    "o'hara@example.com",
    'ann@[192.0.2.1]',
    'ann@localhost',
    'jörg@müller.example',
    '!@example.com',
  ])('takes every address that a provider may have sent: %s', async (recipient) => {
    const { post, archive } = setUp()
    expect((await post('/api/erase', { recipient })).statusCode).toBe(200)
    expect(archive.audit).toHaveLength(2)
  })

  it.each([
    {},
    { recipient: '' },
    { recipient: 'example.com' },
    { recipient: '@example.com' },
    { recipient: 'ann@' },
    { recipient: '@' },
    { recipient: ' @ ' },
    { recipient: '"@example.com' },
    { recipient: 'a@example.com,b@example.com' },
    { recipient: 'a@example.com; b@example.com' },
    { recipient: '" (@example.com' },
    { recipient: 'ann@.' },
    { recipient: 'ann\u0000@example.com' },
    { recipient: 'ann@example\n.com' },
    { recipient: 'Ann <ann@example.com>' },
    { recipient: `${'a'.repeat(400)}@example.com` },
    { recipient: ['ann@example.com'] },
    { recipient: 'ann@example.com', limit: 1 },
  ])('refuses %j, which is no address', async (body) => {
    const { post, archive } = setUp()
    const answer = await post('/api/erase', body)
    expect(answer.statusCode).toBe(400)
    expect(archive.audit).toEqual([])
  })
})

describe('POST /api/prune', () => {
  it('answers how many rows went, tells the observer, and leaves a trail', async () => {
    const { post, work, prunings, archive } = setUp()
    work.prune = async () => 12
    expect((await post('/api/prune', {})).json()).toEqual({ pruned: 12 })
    expect(prunings).toEqual([{ rows: 12 }])
    expect(archive.audit).toMatchObject([
      { action: 'prune', outcome: 'done', counts: { rows: 12 } },
      { action: 'prune', outcome: 'begun' },
    ])
  })

  it('takes no parameters', async () => {
    expect((await setUp().app.inject({ method: 'POST', url: '/api/prune' })).statusCode).toBe(200)
    expect((await setUp().post('/api/prune', { before: 1 })).statusCode).toBe(400)
  })
})

describe('POST /api/replay', () => {
  it('leaves a trail of what was asked for', async () => {
    const { post, archive } = setUp()
    await post('/api/replay', { state: 'dead', from: '2026-11-01' })
    expect(archive.audit).toMatchObject([
      { action: 'replay', outcome: 'done', counts: { jobs: 0 } },
      { parameters: { state: 'dead', from: Date.UTC(2026, 10, 1) } },
    ])
  })
})

describe('GET /api/audit', () => {
  it('answers page by page', async () => {
    const { post, app } = setUp()
    await post('/api/prune', {})
    const first = (await app.inject('/api/audit?limit=1')).json()
    expect(first.audit).toMatchObject([{ id: '2', at: '1970-01-01T00:00:01.000Z' }])
    const second = (await app.inject(`/api/audit?limit=1&cursor=${first.cursor}`)).json()
    expect(second).toMatchObject({ audit: [{ id: '1' }], cursor: null })
  })
})
