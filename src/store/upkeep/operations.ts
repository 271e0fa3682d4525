import { createHash } from 'node:crypto'
import type { HandlerRegistration, ProviderName, Where } from '../../model.ts'
import { WRITTEN_AT } from '../believed-time.ts'
import { pruneSeries } from '../series.ts'
import { each, isAmong, query, raw, type Steps, sql } from '../steps.ts'
import type {
  AuditEntry,
  Note,
  PruneReceipt,
  PruneRequest,
  StoreTime,
  Upkeep,
  WorkStore,
} from '../store.ts'
import { erase } from './erase.ts'
import { removePieces } from './event-removal.ts'
import { lock, type UpkeepPort, type WalkStep } from './port.ts'
import { pruneBatches, pruneJobs, prunePieces } from './prune-walks.ts'
import { discard, hasten, replay } from './replay.ts'

/** What people have done, and what time does. */
export type UpkeepOperations = Upkeep &
  Pick<WorkStore, 'saveHandlers' | 'loadHandlers' | 'findGone'>

type Begun = {
  readonly [Name in keyof UpkeepOperations]: (
    port: UpkeepPort,
    ...args: Parameters<UpkeepOperations[Name]>
  ) => Steps<Awaited<ReturnType<UpkeepOperations[Name]>>>
}

/** Every operation, each done by `run`, which may begin its steps several times. */
export function createOperations(
  port: UpkeepPort,
  run: (name: keyof UpkeepOperations, begin: () => Steps<unknown>) => unknown,
) {
  const operations: Begun = {
    ...{ saveHandlers, loadHandlers, findGone, setPaused, replay, hasten, discard, requeue },
    ...{ prune, readTime, erase, recordAudit, readNote, writeNote },
  }
  const names = Object.keys(operations) as (keyof UpkeepOperations)[]
  return Object.fromEntries(
    names.map((name) => {
      const begin = operations[name] as (port: UpkeepPort, ...args: unknown[]) => Steps<unknown>
      return [name, (...args: unknown[]) => run(name, () => begin(port, ...args))]
    }),
  )
}

interface HandlerRow {
  readonly name: string
  readonly module: string
  readonly keys: string
  readonly takes_batches: number
  readonly conditions: string | null
}

/** Remembers handlers. Sorted: replicas that start together must not wait for each other. */
function* saveHandlers(_port: UpkeepPort, handlers: readonly HandlerRegistration[]): Steps<void> {
  const sorted = [...handlers].sort((one, other) => (one.name < other.name ? -1 : 1))
  yield* each(
    `INSERT INTO handlers (name, module, keys, takes_batches, conditions) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET module = excluded.module, keys = excluded.keys,
       takes_batches = excluded.takes_batches, conditions = excluded.conditions`,
    sorted.map(({ name, module, keys, takesBatches, where }) => [
      name,
      module,
      JSON.stringify(keys),
      takesBatches ? 1 : 0,
      where ? JSON.stringify(where) : null,
    ]),
  )
}

/** The handlers this store has seen. */
function* loadHandlers(): Steps<HandlerRegistration[]> {
  const rows = yield* query<HandlerRow>(
    'SELECT name, module, keys, takes_batches, conditions FROM handlers ORDER BY name',
  )
  return rows.map(({ name, module, keys, takes_batches, conditions }) => ({
    name,
    module,
    keys: JSON.parse(keys) as string[],
    takesBatches: takes_batches === 1,
    where: conditions === null ? undefined : (JSON.parse(conditions) as Where),
  }))
}

/** False when there is no such handler. */
function* setPaused(port: UpkeepPort, handler: string, isPaused: boolean): Steps<boolean> {
  const since = isPaused ? `coalesce(paused_at, ${port.sqlNow()})` : 'NULL'
  const rows = yield* query(
    sql`UPDATE handlers SET paused_at = ${raw(since)} WHERE name = ${handler} RETURNING name`,
  )
  return rows.length === 1
}

function* findGone(port: UpkeepPort, events: readonly number[]): Steps<readonly number[]> {
  const rows = yield* query<{ id: number }>(
    sql`SELECT id FROM events WHERE ${isAmong(port, 'id', events)}`,
  )
  const left = new Set(rows.map(({ id }) => id))
  return events.filter((event) => !left.has(event))
}

/** Adds to the trail of what people had done here. */
function* recordAudit(port: UpkeepPort, entry: AuditEntry): Steps<void> {
  const { action, outcome, network, parameters, counts } = entry
  const [asked, counted] = [JSON.stringify(parameters), JSON.stringify(counts)]
  yield* query(
    sql`INSERT INTO audit (at, action, outcome, network, parameters, counts)
     VALUES (${raw(port.sqlNow())}, ${action}, ${outcome}, ${network}, ${asked}, ${counted})`,
  )
}

interface PieceRow {
  readonly source: string
  readonly provider: ProviderName
  readonly receivedAt: number
  readonly body: Uint8Array | null
}

/** Lets unreadable bytes be read again, as this batch. */
function* requeue(port: UpkeepPort, quarantineId: string, batchId: string): Steps<boolean> {
  const id = Number(quarantineId)
  if (!Number.isSafeInteger(id)) return false
  // In the order of everything else: the batch first.
  yield* query(
    sql`SELECT 1 FROM quarantine q JOIN batches b ON b.seq = q.batch
     WHERE q.id = ${id} ${lock(port, 'b')}`,
  )
  const [row] = yield* query<PieceRow>(
    sql`SELECT b.source, b.provider, b.received_at AS "receivedAt", coalesce(q.piece,
       (SELECT substr(body, q.start + 1, q.bytes) FROM bodies WHERE batch = q.batch)) AS body
     FROM quarantine q JOIN batches b ON b.seq = q.batch WHERE q.id = ${id}`,
  )
  if (!row?.body) return false
  const sha256 = createHash('sha256').update(row.body).digest('hex')
  const batch = { ...row, body: row.body, id: batchId, contentType: undefined, sha256 }
  if (!(yield* port.append(batch))) return false
  return (yield* removePieces(port, [id])) === 1
}

function* readTime(port: UpkeepPort): Steps<StoreTime> {
  const [newest] = yield* query<{ at: number }>(
    sql`SELECT received_at AS at FROM batches WHERE received_at >= ${WRITTEN_AT}
     ORDER BY seq DESC LIMIT 1`,
  )
  const seenAt = (yield* port.totals.read()).get(SEEN_AT) ?? newest?.at
  if (port.engine === 'sqlite') return { seenAt, databaseNow: undefined }
  const [row] = yield* query<{ now: number }>(`SELECT ${port.sqlNow()} AS now`)
  return { seenAt, databaseNow: row?.now }
}

function* readNote(_port: UpkeepPort, name: string): Steps<Note | undefined> {
  const [note] = yield* query<Note>(sql`SELECT version, body FROM notes WHERE name = ${name}`)
  return note && { version: note.version, body: note.body }
}

/** False, and nothing written, when somebody has written since that version was read. */
function* writeNote(_port: UpkeepPort, name: string, { version, body }: Note): Steps<boolean> {
  const rows =
    version === 0
      ? yield* query(
          sql`INSERT INTO notes (name, version, body) VALUES (${name}, 1, ${body})
           ON CONFLICT (name) DO NOTHING RETURNING name`,
        )
      : yield* query(
          sql`UPDATE notes SET version = version + 1, body = ${body}
           WHERE name = ${name} AND version = ${version}
           RETURNING name`,
        )
  return rows.length === 1
}

const WALKS: readonly ((
  port: UpkeepPort,
  request: PruneRequest,
  after: number,
) => Steps<WalkStep>)[] = [
  prunePieces,
  pruneJobs,
  pruneBatches,
  (port, request) => port.pruneKeys(request),
]

/** When a clock was last believed. It may go back: a wrong one was believed. */
const SEEN_AT = 'clock_seen_at'

/**
 * Forgets by age, a little at a time: what is unreadable, dead jobs, batches with all they hold, keys.
 * Each is walked by number, from where the step before stopped, over everything there is: a time of
 * receipt that is wrong stops nothing behind it.
 */
function* prune(
  port: UpkeepPort,
  { after: cursor = '0.0', ...request }: PruneRequest,
): Steps<PruneReceipt> {
  if (!(yield* port.mayPrune())) return { removed: 0, after: undefined }
  const [first = 0, place = 0] = cursor.split('.').map(Number)
  for (const [walk, next] of WALKS.entries()) {
    if (walk < first) continue
    const { removed, after } = yield* next(port, request, walk === first ? place : 0)
    if (after !== undefined) return { removed, after: `${walk}.${after}` }
    // A walk that finds nothing costs little: the next one begins at once.
    if (removed > 0) return { removed, after: `${walk + 1}.0` }
  }
  yield* pruneSeries(port, request.eventsBefore)
  if (request.clock !== undefined) yield* port.totals.set(SEEN_AT, request.clock)
  return { removed: 0, after: undefined }
}
