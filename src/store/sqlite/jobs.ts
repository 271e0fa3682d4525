import {
  countSpared,
  countSparedIn,
  delayOf,
  INTERRUPTED,
  type JobRow,
  readJob,
  recordFailure,
  withLine,
} from '../claimed-rows.ts'
import { takeFitting } from '../group-by.ts'
import type { ClaimedJob, ClaimRequest, EndedJob, FailedEvent } from '../store.ts'
import type { Counters } from './counters.ts'
import type { Database } from './driver.ts'
import { createHeld, type Held, type Transactions } from './transactions.ts'

/** How an event of a run ended, to become a job. */
export interface FailedAttempt extends FailedEvent {
  readonly handler: string
  /** Of its run: how often it was opened. */
  readonly opened: number
  readonly payload: Uint8Array
}

/** Events that failed, one row each. Every end names the fence of its attempt. All within a transaction. */
export function createJobs(
  db: Database,
  { transactions, counters }: { readonly transactions: Transactions; readonly counters: Counters },
) {
  const byHandler = new Map<string, Held<number>>()
  const heldOf = (handler: string) => {
    const held = byHandler.get(handler) ?? createHeld(transactions)
    byHandler.set(handler, held)
    return held
  }
  return { ...createClaims(db, heldOf), ...createEnds(db, heldOf, counters) }
}

export type Jobs = ReturnType<typeof createJobs>

/** The attempts that are under way, by event. */
type HeldOf = (handler: string) => Held<number>

function createClaims(db: Database, heldOf: HeldOf) {
  const sql = prepareReads(db)
  const count = prepareCount(db)

  /** The longest due that nobody has, as many as are asked for; the first whatever its size. */
  function findDue({ handler, events, bytes }: ClaimRequest, now: number): number[] {
    const held = heldOf(handler)
    const limit = events + held.count()
    const rows = sql.due.all(handler, now, limit) as unknown as { event: number; bytes: number }[]
    const free = rows.filter(({ event }) => held.fenceOf(event) === undefined)
    const due = takeFitting(free, { sizeOf: (row) => row.bytes, most: bytes, rows: events })
    return due.map(({ event }) => event)
  }

  return {
    claim(request: ClaimRequest, now: number): readonly ClaimedJob[] {
      const { handler } = request
      const interrupted = lineOf(now, INTERRUPTED)
      return findDue(request, now).map((event) => {
        count.run(interrupted, event, handler)
        const row = sql.claimed.get(event, handler) as unknown as JobRow & { payload: Uint8Array }
        heldOf(handler).hold(event, row.fence)
        return readJob(row, handler, row.payload)
      })
    },
  }
}

function createEnds(db: Database, heldOf: HeldOf, counters: Counters) {
  const write = prepareWrites(db)
  return {
    /** Answers whether it was in time. */
    end(ended: EndedJob, now: number): boolean {
      const { event, handler, fence, outcome } = ended
      // Also of a job that was erased meanwhile. An outcome that was not kept is told again.
      heldOf(handler).letGo(event, fence)
      const name = [event, handler, fence] as const
      const durationMs = Math.round(ended.durationMs)
      if (outcome.kind === 'released') return write.release.run(now, ...name).changes === 1
      if (outcome.kind === 'done') {
        if (write.done.run(now, durationMs, ...name).changes === 0) return false
        counters.add(`done:${handler}`, 1)
        return true
      }
      const line = lineOf(now, recordFailure(outcome, durationMs))
      const { state, isAlone, dueAt } = readNext(outcome, now)
      const values = [state, isAlone, countSpared(outcome), dueAt, now, durationMs, line] as const
      return write.fail.run(...values, ...name).changes === 1
    },
    add({ event, handler, opened, payload, outcome, ...rest }: FailedAttempt, now: number): void {
      const { state, isAlone, dueAt } = readNext(outcome, now)
      const durationMs = Math.round(rest.durationMs)
      const line = `{"attempt":${opened}${lineOf(now, recordFailure(outcome, durationMs))}`
      const spared = countSparedIn(opened, outcome)
      const facts = [event, handler, state, opened, spared, isAlone, dueAt, now] as const
      write.insert.run(...facts, durationMs, line, payload)
    },
  }
}

function prepareReads(db: Database) {
  return {
    due: db.prepare(
      `SELECT event, length(payload) AS bytes FROM jobs
       WHERE handler = ? AND state = 'pending' AND due_at <= ? ORDER BY due_at, event LIMIT ?`,
    ),
    claimed: db.prepare(
      `SELECT j.event, j.attempt, j.spared, j.fence, j.alone, j.payload, e.key, e.type, b.id AS batch_id,
         b.source, b.provider, b.received_at
       FROM jobs j LEFT JOIN events e ON e.id = j.event LEFT JOIN batches b ON b.seq = j.event >> 20
       WHERE j.event = ? AND j.handler = ?`,
    ),
  }
}

const APPEND = withLine(`'{"attempt":' || attempt || ?`, { engine: 'sqlite' })

/** Whoever had it, and did not tell how it ended, has died with the process before. */
const prepareCount = (db: Database) =>
  db.prepare(
    `UPDATE jobs SET attempt = attempt + 1, fence = fence + 1, running = 1,
       failures = CASE WHEN running = 1 THEN ${APPEND} ELSE failures END
     WHERE event = ? AND handler = ?`,
  )

function prepareWrites(db: Database) {
  /** Of one attempt: neither has its outcome been told, nor is there a newer one. */
  const isRunning = `event = ? AND handler = ? AND fence = ? AND state = 'pending' AND running = 1`
  return {
    done: db.prepare(
      `UPDATE jobs SET state = 'done', running = 0, alone = 0, due_at = NULL, ended_at = ?,
         duration_ms = ? WHERE ${isRunning}`,
    ),
    fail: db.prepare(
      `UPDATE jobs SET state = ?, running = 0, alone = ?, spared = spared + ?, due_at = ?,
         ended_at = ?, duration_ms = ?, failures = ${APPEND} WHERE ${isRunning}`,
    ),
    release: db.prepare(
      `UPDATE jobs SET attempt = attempt - 1, running = 0, due_at = min(due_at, ?)
       WHERE ${isRunning}`,
    ),
    insert: db.prepare(
      `INSERT INTO jobs (event, handler, state, attempt, spared, alone, due_at, ended_at,
         duration_ms, failures, payload)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ${withLine('?', { engine: 'sqlite' }, "''")}, ?)
       ON CONFLICT (event, handler) DO NOTHING`,
    ),
  }
}

/** The rest of an attempt's line, behind its number. */
const lineOf = (endedAt: number, failure: string) => `,"endedAt":${endedAt},${failure}\n`

function readNext(outcome: FailedEvent['outcome'], now: number) {
  const isDead = outcome.kind === 'dead'
  return {
    state: isDead ? 'dead' : 'pending',
    isAlone: outcome.kind === 'alone' ? 1 : 0,
    dueAt: isDead ? null : now + delayOf(outcome),
  }
}

/** A clock that is slowed down a little, or a thread held up between two readings, is no step. */
const SMALLEST_STEP_MS = 1_000

/** No wait of a schedule is longer than a week. */
const LONGEST_WAIT_MS = 8 * 86_400_000

/**
 * Jobs wait until a time of the wall clock, so that they go on waiting over a restart. A wall clock
 * that is set back would hold them all up by as much; the answer, called in a transaction, sees it
 * by the clock that only goes forward, and sets their times back as well.
 */
export function createClockSteps(
  db: Database,
  parts: {
    readonly now: () => number
    readonly elapsedMs: () => number
    readonly transactions: Pick<Transactions, 'onEnd'>
  },
) {
  const { now, elapsedMs, transactions } = parts
  const setBack = db.prepare(
    `UPDATE jobs SET due_at = due_at - ? WHERE state = 'pending' AND due_at > ?`,
  )
  let lead = now() - elapsedMs()

  return function follow(): void {
    const before = lead
    const current = now() - elapsedMs()
    const stepMs = Math.round(before - current)
    if (stepMs > 0 && stepMs < SMALLEST_STEP_MS) return
    lead = current
    if (stepMs <= 0) return
    setBack.run(stepMs, now())
    transactions.onEnd((isKept) => {
      if (!isKept) lead = before
    })
  }
}

/**
 * At opening, in a transaction: what a clock wrote that was ahead then is due. That shows where the
 * attempt before has ended in the future, or was never, or the wait is longer than any.
 */
export function endImpossibleWaits(db: Database, now: number): void {
  db.prepare(
    `UPDATE jobs SET due_at = ?1 WHERE state = 'pending' AND due_at > ?1
       AND (ended_at IS NULL OR ended_at > ?1 OR due_at - ended_at > ?2)`,
  ).run(now, LONGEST_WAIT_MS)
}
