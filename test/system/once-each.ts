import { expect } from 'vitest'
import { countBits, eventsIn } from '../../src/store/run-bits.ts'
import type { TestDatabase } from '../store/postgres/test-database.ts'

/** Every time that an event is recorded as done, as long as the database lives: a second time cannot hide. */
const WITNESS = `
  CREATE TABLE run_ends (id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY, run BIGINT, base BIGINT,
    handler TEXT, attempt INTEGER, before BYTEA, after BYTEA);
  CREATE FUNCTION note_run() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO mailtrap_receiver.run_ends (run, base, handler, attempt, before, after)
      VALUES (NEW.id, NEW.base, NEW.handler, NEW.opened, OLD.done, NEW.done);
    RETURN NEW;
  END $$;
  CREATE TRIGGER note_run AFTER UPDATE ON runs FOR EACH ROW
    WHEN (NEW.done IS DISTINCT FROM OLD.done) EXECUTE FUNCTION note_run();
  CREATE TABLE job_ends (id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY, event BIGINT, handler TEXT, attempt INTEGER);
  CREATE FUNCTION note_job() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO mailtrap_receiver.job_ends (event, handler, attempt) VALUES (NEW.event, NEW.handler, NEW.attempt);
    RETURN NEW;
  END $$;
  CREATE TRIGGER note_job AFTER UPDATE ON jobs FOR EACH ROW WHEN (NEW.state = 'done' AND OLD.state <> 'done')
    EXECUTE FUNCTION note_job()`

type Execute = TestDatabase['execute']

/** The tables have to be there: begin with it once a receiver is up. */
export async function watchSuccesses(execute: Execute): Promise<void> {
  await execute(WITNESS)
}

export interface Evidence {
  /** Ids of the events in acknowledged batches; UUIDs. */
  readonly acknowledged: ReadonlySet<string>
  /** What the handlers wrote down: key and attempt. */
  readonly runs: readonly (readonly [key: string, attempt: number])[]
}

interface RunEnd {
  readonly base: string
  readonly handler: string
  readonly attempt: number
  readonly before: Buffer | null
  readonly after: Buffer
}

/**
 * Every acknowledged event is in the store once and nothing else is; each was recorded as done once by
 * each handler, for an attempt whose handler did its work.
 */
export async function expectOnceEach(execute: Execute, evidence: Evidence): Promise<void> {
  const { acknowledged, runs } = evidence
  const events = await execute<{ id: string; key: Buffer }>(
    'SELECT id, uuid_send(key) AS key FROM events',
  )
  const keys = new Map(events.map(({ id, key }) => [Number(id), key]))
  const stored = new Set(events.map(({ key }) => key.toString('hex')))
  const missing = [...acknowledged].filter((id) => !stored.has(id.replaceAll('-', '')))
  expect(missing).toEqual([])
  expect([events.length, stored.size]).toEqual([acknowledged.size, acknowledged.size])

  const unfinished = `SELECT state, count(*)::int AS n FROM jobs WHERE state <> 'done' GROUP BY state`
  expect(await execute(unfinished)).toEqual([])
  expect(await execute('SELECT count(*)::int AS n FROM runs WHERE open > 0')).toEqual([{ n: 0 }])
  const successes = await readSuccesses(execute)
  expect(new Set(successes.map(({ event }) => event)).size).toBe(events.length)
  expect(successes).toHaveLength(events.length)
  const ran = new Set(runs.map(([key, attempt]) => `${key} ${attempt}`))
  const told = successes.map(
    ({ event, handler, attempt }) =>
      `${handler}:${keys.get(event)?.toString('base64url')} ${attempt}`,
  )
  expect(told.filter((one) => !ran.has(one))).toEqual([])
}

async function readSuccesses(execute: Execute) {
  const runEnds = await execute<RunEnd>('SELECT * FROM run_ends ORDER BY id')
  const fromRuns = runEnds.flatMap(({ base, handler, attempt, before, after }) => {
    const added = Buffer.from(after.map((byte, index) => byte & ~(before?.[index] ?? 0)))
    // Nothing that was done is taken back.
    expect(countBits(added) + countBits(before)).toBe(countBits(after))
    const bits = { base: Number(base), wanted: added, done: added, failed: null }
    return eventsIn(bits, 'done').map((event) => ({ event, handler, attempt }))
  })
  const jobEnds = await execute<{ event: string; handler: string; attempt: number }>(
    'SELECT event, handler, attempt FROM job_ends',
  )
  return [...fromRuns, ...jobEnds.map((end) => ({ ...end, event: Number(end.event) }))]
}
