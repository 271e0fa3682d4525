import { expect } from 'vitest'
import type { TestDatabase } from '../store/postgres/test-database.ts'

/** Every time that a job is done, as long as the database lives: a second time cannot hide. */
const WITNESS = `
  CREATE TABLE successes (event_id BIGINT, handler TEXT, attempt INTEGER);
  CREATE FUNCTION note_success() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO successes VALUES (NEW.event_id, NEW.handler, NEW.attempt); RETURN NEW;
  END $$;
  CREATE TRIGGER note_success AFTER UPDATE ON jobs FOR EACH ROW WHEN (NEW.state = 'done')
    EXECUTE FUNCTION note_success()`

type Execute = TestDatabase['execute']

/** The tables have to be there: begin with it once a receiver is up. */
export async function watchSuccesses(execute: Execute): Promise<void> {
  await execute(WITNESS)
}

export interface Evidence {
  /** Ids of the events in acknowledged batches. */
  readonly acknowledged: ReadonlySet<string>
  /** What the handlers wrote down: key and attempt. */
  readonly runs: readonly (readonly [key: string, attempt: number])[]
}

/**
 * Every acknowledged event is in the store once and nothing else is; each of its jobs was recorded
 * as done once, for an attempt whose handler did its work.
 */
export async function expectOnceEach(execute: Execute, evidence: Evidence): Promise<void> {
  const { acknowledged, runs } = evidence
  const events = await execute<{ event_id: string }>('SELECT event_id FROM events')
  const stored = new Set(events.map((event) => event.event_id))
  expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([])
  expect([events.length, stored.size]).toEqual([acknowledged.size, acknowledged.size])

  const unfinished = `SELECT state, count(*)::int AS n FROM jobs WHERE state <> 'done' GROUP BY state`
  expect(await execute(unfinished)).toEqual([])
  const successes = await execute<{ run: string }>(
    `SELECT s.handler || ':' || e.key || ' ' || s.attempt AS run, s.event_id
     FROM successes s JOIN events e ON e.id = s.event_id`,
  )
  expect(successes).toHaveLength(events.length)
  const ran = new Set(runs.map(([key, attempt]) => `${key} ${attempt}`))
  expect(successes.map(({ run }) => run).filter((run) => !ran.has(run))).toEqual([])
  const [{ n } = { n: -1 }] = await execute<{ n: number }>(
    'SELECT count(DISTINCT (event_id, handler))::int AS n FROM successes',
  )
  expect(n).toBe(events.length)
}
