import { MOST_RECORDED_CHARACTERS } from '../rows.ts'
import type { JobName } from '../store.ts'
import { addToCounters } from './counters.ts'
import { NOW_MS } from './database-time.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 20_000 }

interface Found {
  name: string
  n: number
}

/** Pruning locks events as well, so that none goes away under a job that becomes pending. */
const LOCK_EVENTS = 'SELECT 1 FROM events WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE'

/** A success goes into the record: its row tells of the newest attempt only. */
const RENEW = `
  WITH held AS (
    SELECT j.event_id, j.handler, j.state FROM jobs j
    JOIN (SELECT DISTINCT * FROM unnest($1::bigint[], $2::text[]) AS n (event_id, handler)) named
      USING (event_id, handler)
    WHERE j.state <> 'pending' AND ($3::text IS NULL OR j.state = $3)
    ORDER BY j.event_id, j.handler FOR UPDATE OF j
  ), renewed AS (
    UPDATE jobs j SET state = 'pending', attempt = 0, due_at = ${NOW_MS},
      failures = CASE j.state WHEN 'done' THEN right(
        coalesce(j.failures, '') || json_build_object('attempt', j.attempt, 'outcome', 'done',
          'endedAt', j.ended_at, 'durationMs', j.duration_ms)::text || E'\\n',
        ${MOST_RECORDED_CHARACTERS}) ELSE j.failures END
    FROM held WHERE j.event_id = held.event_id AND j.handler = held.handler
    RETURNING held.state, held.handler
  )
  SELECT state || ':' || handler AS name, count(*) AS n FROM renewed GROUP BY name`

/** Jobs that never were; their events are dispatched from now on. Answers the verdicts before. */
const INSERT_MISSING = `
  WITH named AS (
    SELECT DISTINCT * FROM unnest($1::bigint[], $2::text[]) AS n (event_id, handler)
  ), made AS (
    INSERT INTO jobs (event_id, handler, state, attempt, due_at)
    SELECT e.id, n.handler, 'pending', 0, ${NOW_MS} FROM named n JOIN events e ON e.id = n.event_id
    ON CONFLICT DO NOTHING RETURNING event_id
  ), before AS (
    SELECT id, verdict FROM events WHERE id IN (SELECT event_id FROM made)
  ), dispatched AS (
    UPDATE events e SET verdict = 'dispatched' FROM before b
    WHERE e.id = b.id AND b.verdict <> 'dispatched' RETURNING b.verdict
  )
  SELECT 'made' AS name, count(*) AS n FROM made
  UNION ALL SELECT verdict, count(*) FROM dispatched GROUP BY verdict`

/** Makes jobs pending again, and makes those that never were. Answers how many. */
async function replay(
  query: Query,
  jobs: readonly JobName[],
  only: 'done' | 'dead' | undefined,
): Promise<number> {
  const named = jobs.filter(({ event }) => Number.isSafeInteger(Number(event)))
  const events = named.map(({ event }) => Number(event))
  const names = [events, named.map(({ handler }) => handler)]
  await query(LOCK_EVENTS, [events])
  const renewed = await query<Found>(RENEW, [...names, only ?? null])
  const missing = only ? [] : await query<Found>(INSERT_MISSING, names)
  const made = missing.filter(({ name }) => name === 'made')
  const taken = [
    ...renewed.filter(({ name }) => name.startsWith('done:')),
    ...missing.filter(({ name }) => name !== 'made'),
  ]
  await addToCounters(query, new Map(taken.map(({ name, n }) => [name, -n])))
  return [...renewed, ...made].reduce((sum, { n }) => sum + n, 0)
}

export function createReplay(transactions: Transactions) {
  return {
    replay: (jobs: readonly JobName[], only?: 'done' | 'dead'): Promise<number> =>
      jobs.length === 0
        ? Promise.resolve(0)
        : transactions.run(PLAN, (query) => replay(query, jobs, only)),
  }
}
