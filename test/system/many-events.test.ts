import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUCKET_BITS } from '../../src/store/event-id.ts'
import type { Database } from '../../src/store/sqlite/driver.ts'
import { createLookups } from '../../src/store/sqlite/lookups.ts'
import { openForWriting } from '../../src/store/sqlite/open-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { IS_LONG } from './long-runs.ts'
import { type Dialect, type Seed, seedStatements } from './seed-events.ts'
import { startApp, type TestApp } from './start-app.ts'

const EVENTS = Number(process.env['MANY_EVENTS'] ?? (IS_LONG ? 1_000_000 : 20_000))
const ROUNDS = 3
/** What the contract wants of a search among ten million; beside other tests, many times that. */
const WANTED_MS = IS_LONG ? 300 : 2_000

const server = await findTestServer()

interface Engine {
  readonly name: string
  /** What it needs besides the data directory. */
  env(): Promise<Record<string, string>>
  fill(seed: Seed, at: { folder: string; env: Record<string, string> }): Promise<void>
}

const IN_SQLITE: Dialect = {
  numbers: (count) => `(WITH RECURSIVE n (id) AS (
    SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ${count}) SELECT id FROM n) AS n`,
  lineEnd: 'char(10)',
  bytes: (text) => `CAST(${text} AS BLOB)`,
  literal: (hex) => `x'${hex}'`,
  key: (number) => `CAST(printf('%016d', ${number}) AS BLOB)`,
  repeat: (text, times) => `replace(hex(zeroblob(${times})), '00', ${text})`,
  insertEvents: (select) => `INSERT INTO event_rows (id, start, bytes, key, type, event_id, verdict,
      occurred_at, recipient, message_id)
    SELECT s.id, start, bytes, key, words.id, event_id, nullif(verdict, 'dispatched'), occurred_at,
      recipient, message_id FROM (${select}) AS s CROSS JOIN words ON words.word = s.type`,
}

const IN_POSTGRES: Dialect = {
  numbers: (count) => `generate_series(1::bigint, ${count}) AS n (id)`,
  lineEnd: 'chr(10)',
  bytes: (text) => `convert_to(${text}, 'UTF8')`,
  literal: (hex) => `'\\x${hex}'::bytea`,
  key: (number) => `encode(convert_to(lpad(${number}::text, 16, '0'), 'UTF8'), 'hex')::uuid`,
  repeat: (text, times) => `repeat(${text}, ${times})`,
  insertEvents: (select) => `INSERT INTO events (bucket, id, start, bytes, key, type, event_id,
      verdict, occurred_at, recipient, message_id)
    SELECT id >> ${BUCKET_BITS.many}, s.* FROM (${select}) AS s`,
}

const SQLITE: Engine = {
  name: 'SQLite',
  env: async () => ({}),
  async fill(seed, { folder }) {
    const db = await openForWriting(join(folder, 'data', 'receiver.db'))
    for (const sql of seedStatements(IN_SQLITE, seed)) {
      db.exec(sql)
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    }
    addLookups(db)
    db.close()
  },
}

/** So that all of them are found by their recipients and messages. */
function addLookups(db: Database): void {
  const lookups = createLookups(db)
  const select = db.prepare(
    `SELECT id, recipient, message_id AS messageId FROM events WHERE id > ? ORDER BY id LIMIT 10000`,
  )
  db.exec('BEGIN')
  for (let after = 0; ; ) {
    const rows = select.all(after) as { id: number; recipient: string; messageId: string }[]
    const ids = rows.map(({ id }) => id)
    lookups.add(ids, rows)
    const last = ids.at(-1)
    if (last === undefined) break
    after = last
  }
  db.exec('COMMIT')
}

const POSTGRES: Engine = {
  name: 'PostgreSQL',
  env: async () => ({ STORE_URL: await server!.createDatabase() }),
  async fill(seed, { env }) {
    const url = env['STORE_URL'] ?? ''
    for (const sql of seedStatements(IN_POSTGRES, seed)) {
      await server!.execute(url, `SET search_path = mailtrap_receiver; ${sql}`)
    }
    await server!.execute(url, 'VACUUM ANALYZE')
  },
}

/** What the dashboard asks, and a person who searches with it. */
const QUESTIONS = {
  overview: {
    'the figures': 'stats',
    'events of an hour': 'series?span=1h',
    'events of a day': 'series?span=24h',
    'events of a month': 'series?span=30d',
    'time to the answer': 'ack',
    sources: 'sources',
    handlers: 'handlers',
  },
  events: {
    'the newest': 'events',
    'a common type': 'events?type=open',
    'a type that nobody sent': 'events?type=none',
    'a recipient': 'events?recipient=user77%40example.com',
    'nobody’s recipient': 'events?recipient=nobody%40example.com',
    'a message, as its timeline': 'events?message_id=m1234&limit=500',
    'an event id': 'events?event_id=e1234',
    'the dead': 'events?state=dead',
    'the pending': 'events?state=pending',
    'the done': 'events?state=done',
    conflicts: 'events?state=conflict&limit=50',
    'the dead of a type that nobody sent': 'events?state=dead&type=none',
    'a time long ago': 'events?to=2020-01-01T00%3A00%3A00Z',
    'a source that never sent': 'events?source=mailingapi',
    'one event': 'events/1048810',
  },
  jobs: {
    jobs: 'jobs',
    'dead jobs of a handler': 'jobs?state=dead&handler=counter',
    'pending jobs of a handler': 'jobs?state=pending&handler=counter',
    'jobs of a handler that is not there': 'jobs?handler=none',
    'failures by error': 'handlers/counter/failures',
    quarantine: 'quarantine',
    'the trail': 'audit',
  },
}

describe.each([SQLITE, ...(server ? [POSTGRES] : [])])(`${EVENTS} events in $name`, (engine) => {
  describe.each([
    ['on a quiet day', { deadEvery: 1_000, pending: 1_000 }],
    ['on a bad night', { deadEvery: 2, pending: EVENTS / 4 }],
  ])('%s', (_when, { deadEvery, pending }) => {
    let app: TestApp

    beforeAll(async () => {
      const env = await engine.env()
      const empty = await startApp(env)
      await empty.pause()
      const seed = { events: EVENTS, deadEvery, pending, now: Date.now() }
      await engine.fill(seed, { folder: empty.folder, env })
      app = await empty.restart()
    }, 3_600_000)
    afterAll(() => app.stop())

    it.each(Object.entries(QUESTIONS))(
      'answer for the page of %s in time',
      async (_page, asked) => {
        const lines: string[] = []
        const slow: string[] = []
        for (const [name, path] of Object.entries(asked)) {
          const times: number[] = []
          let isPartial = false
          for (let round = 0; round < ROUNDS; round++) {
            const begunAt = performance.now()
            const answer = await fetch(`${app.adminUrl}/api/${path}`)
            const json = (await answer.json()) as { partial?: boolean; is_partial?: boolean }
            times.push(performance.now() - begunAt)
            expect(answer.status, JSON.stringify(json)).toBe(200)
            isPartial = json.partial ?? json.is_partial ?? false
          }
          const shown = times.map((ms) => ms.toFixed(0).padStart(5)).join('')
          lines.push(`${name.padEnd(38)}${shown} ms${isPartial ? '  partial' : ''}`)
          if (Math.min(...times) > WANTED_MS) slow.push(name)
        }
        console.info(lines.join('\n'))
        expect(slow).toEqual([])
      },
      60_000,
    )
  })
})
