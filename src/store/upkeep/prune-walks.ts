import { isOdd, isReceivedBefore, WRITTEN_AT } from '../believed-time.ts'
import { batchOf } from '../event-id.ts'
import { type Fitting, groupBy, takeFitting } from '../group-by.ts'
import { eventsIn, type RunBits } from '../run-bits.ts'
import { isAmong, query, type Steps, sql } from '../steps.ts'
import type { PruneRequest } from '../store.ts'
import { removeEvents, removePieces, removeRest } from './event-removal.ts'
import { isOfBatch, lockBatches, type UpkeepPort, type WalkStep } from './port.ts'

/** One step takes so much away: every other write of SQLite's waits for it. */
const ROWS_PER_STEP = { sqlite: 1_000, postgres: 5_000 } as const
const BATCHES_PER_STEP = 20
/** Of these only few events go. */
const BATCHES_OF_JOBS = 100
/** Rows of batches are small, and most need only be passed by. */
const BATCHES_PASSED = 20_000
const BATCHES_LOOKED_AT = BATCHES_PER_STEP * 10

interface Dated {
  readonly batch: number
  readonly receivedAt: number
}
interface JobEvent extends Dated {
  readonly id: number
  readonly isPending: number
  readonly isDead: number
  readonly hasBody: boolean | number
}
interface BatchRow extends Dated {
  readonly events: number
  readonly hasBody: boolean | number
}
/** The rows that were received before a limit. */
function* selectBefore<Row extends Dated>(
  port: UpkeepPort,
  rows: readonly Row[],
  limitOf: (row: Row) => number,
): Steps<Row[]> {
  const found: Row[] = []
  let [from, to, nextAt] = [0, 0, undefined as number | undefined]
  for (const row of rows) {
    const { batch, receivedAt } = row
    // Batches of a wrong clock are neighbours.
    if (isOdd(receivedAt, limitOf(row)) && (batch < from || batch >= to)) {
      const [behind] = yield* query<{ seq: number; at: number }>(
        sql`SELECT seq, received_at AS at FROM batches
         WHERE seq > ${batch} AND received_at >= ${WRITTEN_AT} ORDER BY seq LIMIT 1`,
      )
      from = batch
      to = behind?.seq ?? Number.MAX_SAFE_INTEGER
      nextAt = behind?.at
    }
    if (isReceivedBefore(receivedAt, limitOf(row), { nextAt, now: port.now() })) found.push(row)
  }
  return found
}

/** Unreadable pieces, by the limit for what is dead. */
export function* prunePieces(
  port: UpkeepPort,
  request: PruneRequest,
  after: number,
): Steps<WalkStep> {
  const rows = yield* query<Dated & { id: number }>(
    sql`SELECT q.id, q.batch, b.received_at AS "receivedAt"
     FROM (SELECT id, batch FROM quarantine WHERE id > ${after} ORDER BY id LIMIT ${ROWS_PER_STEP[port.engine]}) q
     JOIN batches b ON b.seq = q.batch ORDER BY q.id`,
  )
  const old = yield* selectBefore(port, rows, () => request.deadBefore)
  const ids = old.map(({ id }) => id)
  return { removed: yield* removePieces(port, ids), after: rows.at(-1)?.id }
}

/**
 * Dead jobs with their events, and what was kept for one that is not dead any more: what still has
 * its body goes with its batch.
 */
export function* pruneJobs(
  port: UpkeepPort,
  request: PruneRequest,
  after: number,
): Steps<WalkStep> {
  const rows = yield* query<JobEvent>(
    sql`SELECT j.event AS id, b.seq AS batch, b.received_at AS "receivedAt",
       max(CASE j.state WHEN 'pending' THEN 1 ELSE 0 END) AS "isPending",
       max(CASE j.state WHEN 'dead' THEN 1 ELSE 0 END) AS "isDead",
       EXISTS (SELECT 1 FROM bodies WHERE batch = b.seq) AS "hasBody"
     FROM (SELECT DISTINCT event FROM jobs WHERE event > ${after} ORDER BY event
       LIMIT ${ROWS_PER_STEP[port.engine]}) one
     JOIN jobs j ON j.event = one.event JOIN batches b ON b.seq = j.event >> 20
     GROUP BY j.event, b.seq ORDER BY j.event`,
  )
  const ended = rows.filter(({ isPending, isDead, hasBody }) => !isPending && (isDead || !hasBody))
  const old = yield* selectBefore(port, ended, ({ isDead }) =>
    isDead ? request.deadBefore : request.eventsBefore,
  )
  const groups = [...groupBy(old, ({ id }) => batchOf(id))]
  let removed = 0
  for (const [batch, events] of groups.slice(0, BATCHES_OF_JOBS)) {
    yield* lockBatches(port, [batch])
    removed += yield* removeEvents(port, batch, yield* stillEnded(port, batch, events))
  }
  const last = groups.length > BATCHES_OF_JOBS ? groups[BATCHES_OF_JOBS - 1]?.[1] : rows
  return { removed, after: last?.at(-1)?.id }
}

/** Another handler may still have the event to run. */
function* stillEnded(
  port: UpkeepPort,
  batch: number,
  events: readonly JobEvent[],
): Steps<number[]> {
  const ids = events.map(({ id }) => id)
  const pending = yield* query<{ event: number }>(
    sql`SELECT event FROM jobs WHERE ${isAmong(port, 'event', ids)} AND state = 'pending'`,
  )
  const runs = yield* query<RunBits>(
    sql`SELECT base, wanted, done, failed FROM runs WHERE batch = ${batch} AND open > 0`,
  )
  const open = new Set(pending.map(({ event }) => event))
  for (const run of runs) for (const event of eventsIn(run, 'open')) open.add(event)
  return ids.filter((id) => !open.has(id))
}

const HAS_NO_WORK = sql`
  NOT EXISTS (SELECT 1 FROM runs WHERE batch = b.seq AND open > 0)
  AND NOT EXISTS (SELECT 1 FROM jobs WHERE ${isOfBatch('event')} AND state = 'pending')`

/** Batches whose work is done: their bodies, events and runs, and at last their own rows. */
export function* pruneBatches(
  port: UpkeepPort,
  { eventsBefore, deadBefore }: PruneRequest,
  after: number,
): Steps<WalkStep> {
  const rowsBefore = Math.min(eventsBefore, deadBefore)
  const [end] = yield* query<{ seq: number | null }>(
    sql`SELECT max(seq) AS seq FROM (
       SELECT seq FROM batches WHERE seq > ${after} ORDER BY seq LIMIT ${BATCHES_PASSED}) passed`,
  )
  if (!end?.seq) return { removed: 0, after: undefined }
  const rows = yield* query<BatchRow>(
    sql`SELECT b.seq AS batch, b.received_at AS "receivedAt", b.events,
      o.batch IS NOT NULL AS "hasBody"
    FROM batches b LEFT JOIN bodies o ON o.batch = b.seq
    WHERE b.seq > ${after} AND b.seq <= ${end.seq} AND b.received_at < ${eventsBefore} AND b.is_open = 0
      AND CASE WHEN o.batch IS NOT NULL THEN ${HAS_NO_WORK}
        ELSE b.received_at < ${rowsBefore}
          AND NOT EXISTS (SELECT 1 FROM events WHERE ${isOfBatch('id')})
          AND NOT EXISTS (SELECT 1 FROM quarantine WHERE batch = b.seq) END
    ORDER BY b.seq LIMIT ${BATCHES_LOOKED_AT}`,
  )
  const old = yield* selectBefore(port, rows, ({ hasBody }) =>
    hasBody ? eventsBefore : rowsBefore,
  )
  const taken = takeFitting(old, fitting(ROWS_PER_STEP[port.engine]))
  const seqsOf = (withBody: boolean) =>
    taken.flatMap(({ batch, hasBody }) => (Boolean(hasBody) === withBody ? [batch] : []))
  const [first] = taken
  const part = first?.hasBody ? yield* removePart(port, first) : 0
  if (first && part > 0) return { removed: part, after: first.batch - 1 }
  const empty = seqsOf(false)
  if (empty.length > 0) yield* query(sql`DELETE FROM batches WHERE ${isAmong(port, 'seq', empty)}`)
  const removed = empty.length + (yield* emptyBatches(port, seqsOf(true)))
  const isAll = taken.length === old.length && rows.length < BATCHES_LOOKED_AT
  return { removed, after: isAll ? end.seq : (taken.at(-1)?.batch ?? rows.at(-1)?.batch) }
}

/** What is full is dear to empty, however few events it has. */
const fitting = (most: number): Fitting<BatchRow> => ({
  sizeOf: ({ hasBody, events }) => (hasBody ? Math.max(events, most / BATCHES_PER_STEP) : 0),
  most,
})

/** Of a batch with more events than one step takes. Those of dead jobs stay till their own time. */
function* removePart(port: UpkeepPort, { batch, events }: BatchRow): Steps<number> {
  const most = ROWS_PER_STEP[port.engine]
  if (events <= most) return 0
  const rows = yield* query<{ id: number }>(
    sql`SELECT e.id FROM batches b JOIN events e ON ${isOfBatch('e.id')} WHERE b.seq = ${batch}
       AND NOT EXISTS (SELECT 1 FROM jobs WHERE event = e.id AND state = 'dead')
     ORDER BY e.id LIMIT ${most + 1}`,
  )
  if (rows.length <= most) return 0
  yield* lockBatches(port, [batch])
  const ids = rows.slice(0, most).map(({ id }) => id)
  return yield* removeEvents(port, batch, ids)
}

/** What has got work meanwhile is left out. */
function* emptyBatches(port: UpkeepPort, candidates: readonly number[]): Steps<number> {
  if (candidates.length === 0) return 0
  yield* lockBatches(port, candidates)
  const rows = yield* query<{ seq: number }>(
    sql`SELECT seq FROM batches b WHERE ${isAmong(port, 'seq', candidates)} AND ${HAS_NO_WORK}`,
  )
  const batches = rows.map(({ seq }) => seq)
  const events = yield* removeRest(port, batches)
  const areTheirs = isAmong(port, 'batch', batches)
  yield* query(
    sql`UPDATE quarantine SET piece = (SELECT substr(o.body, quarantine.start + 1, quarantine.bytes)
       FROM bodies o WHERE o.batch = quarantine.batch) WHERE piece IS NULL AND ${areTheirs}`,
  )
  yield* query(sql`DELETE FROM bodies WHERE ${areTheirs}`)
  return events + batches.length
}
