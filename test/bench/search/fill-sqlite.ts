import { openForWriting } from '../../../src/store/sqlite/open-database.ts'

const AT_ONCE = 50_000

/**
 * Fills a new database: one event in 1,000 is dead, one in 100,000 a conflict, the newest 1,000 are
 * pending. Straight into the tables, because the way through a journal takes minutes.
 */
export async function fillSqlite(file: string, events: number): Promise<void> {
  const db = await openForWriting(file)
  const numbers = `WITH RECURSIVE n (id) AS (
    SELECT :first UNION ALL SELECT id + 1 FROM n WHERE id + 1 < :end)`
  const insertEvents = db.prepare(`${numbers}
    INSERT INTO events SELECT id, 1 + id / 500, id % 500, 'mailtrap', 'mailtrap',
      CASE id % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'delivery' ELSE 'click' END, NULL,
      CASE WHEN id % 100000 = 0 THEN 'conflict' ELSE 'dispatched' END,
      'key' || id, 'e' || id, 'user' || (id % 200000) || '@example.com', 'm' || id, id * 1000, id * 1000,
      '{"event":"open","email":"user' || (id % 200000) || '@example.com","filler":"' || hex(zeroblob(120)) || '"}'
    FROM n`)
  const insertJobs = db.prepare(`${numbers}
    INSERT INTO jobs (event_id, handler, state, attempt, due_at)
    SELECT id, 'counter', CASE WHEN id % 1000 = 0 THEN 'dead'
      WHEN id > :all - 1000 THEN 'pending' ELSE 'done' END, 1, 0 FROM n WHERE id % 100000 <> 0`)
  for (let first = 1; first <= events; first += AT_ONCE) {
    const end = Math.min(first + AT_ONCE, events + 1)
    db.exec('BEGIN')
    insertEvents.run({ first, end })
    insertJobs.run({ first, end, all: events })
    db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
  }
  db.exec(`INSERT INTO counters VALUES ('events', ${events}), ('last_event_id', ${events}),
    ('type:open', ${Math.floor(events / 3)}), ('done:counter', ${events})`)
  db.close()
}
