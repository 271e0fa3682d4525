import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { DatabaseSync } from '@photostructure/sqlite'
import type { Handler } from 'mailtrap-receiver'
import { runHandler, sampleEvent } from 'mailtrap-receiver/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { holdLock } from './hold-lock.ts'

type Example = 'suppressions' | 'engagement' | 'audit-alert'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examples-'))
  vi.stubEnv('SUPPRESSIONS_DB', join(folder, 'data', 'suppressions.db'))
  vi.stubEnv('ENGAGEMENT_DB', join(folder, 'data', 'engagement.db'))
  vi.stubEnv('ALERT_FILE', join(folder, 'data', 'alerts.log'))
  vi.stubEnv('AUDIT_ALERT_URL', undefined)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

/** A handler as a process has it that runs for a while: what nobody holds has been collected. */
async function start(example: Example): Promise<Handler> {
  vi.resetModules()
  const module: { default: Handler } = await import(`../../fixtures/handlers/${example}.ts`)
  await collectGarbage()
  return module.default
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  let isCollected = false
  const registry = new FinalizationRegistry(() => {
    isCollected = true
  })
  registry.register({}, undefined)
  await vi.waitFor(() => {
    collect()
    expect(isCollected).toBe(true)
  })
}

function readRows(database: string, query: string): unknown[] {
  const db = new DatabaseSync(join(folder, 'data', database), { readOnly: true })
  try {
    return db
      .prepare(query)
      .all()
      .map((row) => ({ ...(row as object) }))
  } finally {
    db.close()
  }
}

it.each(['suppressions', 'engagement'] as const)(
  '%s waits for another process that writes, such as newer code of its own',
  async (example) => {
    await holdLock(join(folder, 'data', `${example}.db`))
    expect(await start(example)).toMatchObject({ name: example })
  },
)

describe('suppressions', () => {
  const list = () =>
    readRows('suppressions.db', 'SELECT recipient, reason FROM suppressions ORDER BY recipient')

  it('lists hard bounces, complaints and unsubscribes of both providers', async () => {
    const handler = await start('suppressions')
    const events = [
      sampleEvent('bounce', { email: 'a@example.com' }),
      sampleEvent('spam', { email: 'b@example.com' }),
      sampleEvent('unsubscribe', { email: 'c@example.com' }),
      sampleEvent('bounced', { data: { to: 'd@example.com' } }),
      sampleEvent('complained', { data: { to: 'e@example.com' } }),
    ]
    for (const event of events) {
      expect(await runHandler(handler, event)).toMatchObject({ outcome: 'done' })
    }
    expect(list()).toEqual([
      { recipient: 'a@example.com', reason: 'hard bounce' },
      { recipient: 'b@example.com', reason: 'complaint' },
      { recipient: 'c@example.com', reason: 'unsubscribe' },
      { recipient: 'd@example.com', reason: 'hard bounce' },
      { recipient: 'e@example.com', reason: 'complaint' },
    ])
  })

  it('suppresses nobody on a bounce that may be temporary, or without an address', async () => {
    const handler = await start('suppressions')
    const temporary = sampleEvent('bounced', { data: { bounce_type: 'temporary' } })
    const unclear = sampleEvent('bounced', { data: { bounce_type: undefined } })
    const nameless = sampleEvent('bounce', { email: null })
    for (const event of [temporary, unclear, nameless]) {
      expect(await runHandler(handler, event)).toMatchObject({ outcome: 'done' })
    }
    expect(await runHandler(handler, sampleEvent('soft bounce'))).toMatchObject({
      outcome: 'unhandled',
    })
    expect(list()).toEqual([])
  })

  it('keeps the gravest reason, whatever comes last, twice or after a restart', async () => {
    const [spam, bounce] = [sampleEvent('spam'), sampleEvent('bounce')]
    const unsubscribe = sampleEvent('unsubscribe', { email: 'RECIPIENT@example.com' })
    for (const event of [unsubscribe, spam, bounce, spam, unsubscribe]) {
      await runHandler(await start('suppressions'), event)
    }
    expect(list()).toEqual([{ recipient: 'RECIPIENT@example.com', reason: 'complaint' }])
  })
})

describe('engagement', () => {
  const count = () => readRows('engagement.db', 'SELECT * FROM engagement_per_day ORDER BY type')

  it('counts per day, category and type, each event once', async () => {
    const timestamp = Date.UTC(2026, 0, 17, 23, 59) / 1_000
    const opens = Array.from({ length: 300 }, () => sampleEvent('open', { timestamp }))
    const click = sampleEvent('click', { timestamp: timestamp + 120, category: null })
    const first = await runHandler(await start('engagement'), [...opens, click])
    expect(first).toMatchObject({
      outcome: 'done',
      logs: [{ text: 'counted', fields: { events: 301 } }],
    })
    await runHandler(await start('engagement'), [...opens.slice(0, 100), click])
    expect(count()).toEqual([
      { day: '2026-01-18', category: 'none', type: 'click', events: 1 },
      { day: '2026-01-17', category: 'Invoice', type: 'open', events: 300 },
    ])
  })

  it('counts nothing of a batch that fails, and goes on afterwards', async () => {
    const handler = await start('engagement')
    const [open, odd] = [sampleEvent('open'), sampleEvent('open')]
    const db = new DatabaseSync(join(folder, 'data', 'engagement.db'))
    db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON engagement WHEN new.category = 'odd'
      BEGIN SELECT RAISE(ABORT, 'refused'); END`)
    db.close()
    const failed = await runHandler(handler, [open, { ...odd, category: 'odd' }])
    expect(failed).toMatchObject({ outcome: 'retry', error: expect.stringContaining('refused') })
    expect(count()).toEqual([])
    expect(await runHandler(handler, [open])).toMatchObject({ outcome: 'done' })
    expect(count()).toMatchObject([{ events: 1 }])
  })
})

describe('audit-alert', () => {
  const event = sampleEvent('activity_log.user.updated', {
    timestamp: Date.UTC(2026, 0, 17) / 1_000,
    description: 'Role changed\nto admin',
  })
  const line =
    '2026-01-17T00:00:00.000Z activity_log.user.updated by Example User: Role changed to admin\n'
  const readAlerts = () => readFile(join(folder, 'data', 'alerts.log'), 'utf8').catch(() => '')

  async function listen(status: number) {
    const requests: { headers: IncomingHttpHeaders; body: unknown; isOver: boolean }[] = []
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = await request.toArray()
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
      const seen = { headers: request.headers, body, isOver: false }
      response.on('close', () => {
        seen.isOver = true
      })
      requests.push(seen)
      if (status > 0) response.writeHead(status).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    vi.stubEnv('AUDIT_ALERT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const close = () => {
      server.closeAllConnections()
      server.close()
    }
    return { requests, close }
  }

  it('writes one line, and posts nowhere unless told where', async () => {
    expect(await runHandler(await start('audit-alert'), event)).toMatchObject({ outcome: 'done' })
    expect(await readAlerts()).toBe(line)
  })

  it('posts the alert with its idempotency key', async () => {
    const { requests, close } = await listen(204)
    try {
      expect(await runHandler(await start('audit-alert'), event)).toMatchObject({ outcome: 'done' })
      expect(requests).toMatchObject([
        {
          headers: { 'idempotency-key': expect.stringMatching(/^audit-alert:/) },
          body: { text: expect.stringContaining('Role changed') },
        },
      ])
      expect(await readAlerts()).toBe(line)
    } finally {
      close()
    }
  })

  it.each([
    [400, 'dead'],
    [404, 'dead'],
    [429, 'retry'],
    [500, 'retry'],
  ])('ends after status %i as %s and writes nothing', async (status, outcome) => {
    const { close } = await listen(status)
    try {
      const run = await runHandler(await start('audit-alert'), event)
      expect(run).toMatchObject({ outcome, error: expect.stringContaining(`status ${status}`) })
      expect(await readAlerts()).toBe('')
    } finally {
      close()
    }
  })

  it('stops waiting for an answer when the time is up', async () => {
    const { requests, close } = await listen(0)
    try {
      const handler = await start('audit-alert')
      const run = await runHandler(handler, event, { timeoutMs: 3_000 })
      expect(run).toMatchObject({ outcome: 'retry', error: expect.stringContaining('3000 ms') })
      await vi.waitFor(() => expect(requests).toMatchObject([{ isOver: true }]))
    } finally {
      close()
    }
  })
})
