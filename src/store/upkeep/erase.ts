import { createHash } from 'node:crypto'
import { takeFitting } from '../group-by.ts'
import { addToSeries, type SeriesRow } from '../series.ts'
import { each, isAmong, mayHold, query, type Sql, type Steps, sql } from '../steps.ts'
import type { EraseReceipt, EraseRequest } from '../store.ts'
import { createTraceFinder, type TraceFinder } from '../trace-finder.ts'
import {
  blankTraces,
  eraseErrors,
  eraseFromBody,
  isBlank,
  isNamed,
  type PlacedEvent,
  type PlacedPiece,
} from './erase-content.ts'
import { removeEvents, removePieces } from './event-removal.ts'
import { isOfBatch, lock, lockBatches, type UpkeepPort } from './port.ts'

/** One step looks at so much, whichever comes first: every other write of SQLite's waits for it. */
const ROWS_PER_STEP = 500
const BYTES_PER_STEP = { sqlite: 500_000, postgres: 8_000_000 } as const

interface Sized {
  readonly bytes: number
}
interface BatchRow extends Sized {
  readonly seq: number
  readonly isOpen: number
}
interface Erasing {
  readonly port: UpkeepPort
  readonly finder: TraceFinder
}

/**
 * Removes what tells of a person, by walking over all there is: a text may name anybody. Bytes are
 * overwritten where they lie, so that what points at others stays right.
 */
export function* erase(
  port: UpkeepPort,
  { traces, after: cursor = 'batches.0' }: EraseRequest,
): Steps<EraseReceipt> {
  const erasing = { port, finder: createTraceFinder(traces) }
  const [part, after] = cursor.split('.')
  const walk = part === 'quarantine' ? eraseKept : eraseBatches
  return yield* walk(erasing, Number(after))
}

const hold = ({ port, finder }: Erasing, column: string, isBytes: boolean): Sql =>
  mayHold(port, column, { patterns: finder.patterns, isBytes })

function* eraseBatches(erasing: Erasing, after: number): Steps<EraseReceipt> {
  const { port } = erasing
  const rows = yield* query<BatchRow>(
    sql`SELECT seq, body_bytes AS bytes, is_open AS "isOpen" FROM batches WHERE seq > ${after}
     ORDER BY seq LIMIT ${ROWS_PER_STEP}`,
  )
  const span = takeSome(rows, port)
  const last = span.at(-1)?.seq
  if (last === undefined) return { ...NOTHING, after: 'quarantine.0' }
  // Batches that wait are not looked at: they are unpacked first.
  const batches = span.flatMap(({ seq, isOpen }) => (isOpen ? [] : [seq]))
  const among = isAmong(port, 'b.seq', batches)
  const [seen] = yield* query<{ n: number }>(
    sql`SELECT count(*) AS n FROM batches b JOIN events e ON ${isOfBatch('e.id')} WHERE ${among}`,
  )
  const sum = { events: 0, pieces: 0 }
  for (const { seq } of yield* findLikely(erasing, among)) {
    const erased = yield* eraseBatch(erasing, seq)
    sum.events += erased.events
    sum.pieces += erased.pieces
  }
  const errors = yield* eraseErrorsOf(erasing, among)
  return { ...sum, errors, seen: seen?.n ?? 0, after: `batches.${last}` }
}

const takeSome = <Row extends Sized>(rows: readonly Row[], { engine }: UpkeepPort): Row[] =>
  takeFitting(rows, { sizeOf: ({ bytes }) => bytes, most: BYTES_PER_STEP[engine] })

/** In bytes, or in what names the event apart from them. */
function findLikely(erasing: Erasing, among: Sql): Steps<readonly { seq: number }[]> {
  const [body, payload] = [hold(erasing, 'body', true), hold(erasing, 'payload', true)]
  const [type, recipient] = [hold(erasing, 'type', false), hold(erasing, 'recipient', false)]
  return query(
    sql`SELECT seq FROM batches b WHERE ${among} AND (
       EXISTS (SELECT 1 FROM bodies WHERE batch = b.seq AND ${body})
       OR EXISTS (SELECT 1 FROM events WHERE ${isOfBatch('id')} AND (${type} OR ${recipient}))
       OR EXISTS (SELECT 1 FROM jobs WHERE ${isOfBatch('event')} AND ${payload}))
     ORDER BY seq`,
  )
}

function* eraseBatch(erasing: Erasing, seq: number): Steps<{ events: number; pieces: number }> {
  const { port, finder } = erasing
  yield* lockBatches(port, [seq])
  const [batch] = yield* query<{ sha256: Uint8Array; body: Uint8Array | null }>(
    sql`SELECT b.sha256, o.body FROM batches b LEFT JOIN bodies o ON o.batch = b.seq WHERE b.seq = ${seq}`,
  )
  const events = yield* query<PlacedEvent>(
    sql`SELECT e.id, e.start, e.bytes, e.type, e.recipient
     FROM batches b JOIN events e ON ${isOfBatch('e.id')} WHERE b.seq = ${seq} ORDER BY e.id`,
  )
  if (!batch?.body) return yield* eraseWithoutBody(erasing, seq, events)
  const { body, sha256 } = batch
  const pieces = yield* query<PlacedPiece>(
    sql`SELECT id, pieces, start, bytes FROM quarantine WHERE batch = ${seq} AND piece IS NULL`,
  )
  const isWhole = hashOf(body).equals(sha256)
  const erased = eraseFromBody(body, { events, pieces }, finder)
  if (erased.hasChanged) {
    yield* query(sql`UPDATE bodies SET body = ${body} WHERE batch = ${seq}`)
    // Of a damaged body nothing else is to become right.
    if (isWhole) yield* query(sql`UPDATE batches SET sha256 = ${hashOf(body)} WHERE seq = ${seq}`)
  }
  yield* removeEvents(port, seq, idsOf(erased.events))
  yield* removePieces(port, idsOf(erased.gone))
  return { events: erased.events.length, pieces: erased.gone.length + erased.cut.length }
}

const hashOf = (body: Uint8Array): Buffer => createHash('sha256').update(body).digest()

const idsOf = (rows: readonly { readonly id: number }[]): number[] => rows.map(({ id }) => id)

/** Of what is kept without a body, the jobs have the bytes. */
function* eraseWithoutBody(
  { port, finder }: Erasing,
  seq: number,
  events: readonly PlacedEvent[],
): Steps<{ events: number; pieces: number }> {
  const jobs = yield* query<{ event: number; payload: Uint8Array }>(
    sql`SELECT j.event, j.payload
     FROM batches b JOIN jobs j ON ${isOfBatch('j.event')} WHERE b.seq = ${seq}`,
  )
  const told = new Set(
    jobs.flatMap(({ event, payload }) => (finder.isInBytes(payload) ? [event] : [])),
  )
  const found = events.filter((event) => told.has(event.id) || isNamed(event, finder))
  return { events: yield* removeEvents(port, seq, idsOf(found)), pieces: 0 }
}

function* eraseErrorsOf(erasing: Erasing, among: Sql): Steps<number> {
  const held = hold(erasing, 'j.failures', false)
  const rows = yield* query<{ id: number; failures: string }>(
    sql`SELECT j.id, j.failures FROM batches b JOIN jobs j ON ${isOfBatch('j.event')}
     WHERE ${among} AND j.failures IS NOT NULL AND ${held}
     ORDER BY j.event, j.handler ${lock(erasing.port, 'j')}`,
  )
  const changed = rows.flatMap(({ id, failures }) => {
    const rest = eraseErrors(failures, erasing.finder)
    return rest === undefined ? [] : [[rest, id]]
  })
  yield* each('UPDATE jobs SET failures = ? WHERE id = ?', changed)
  return changed.length
}

/** Unreadable pieces that have outlived their bodies; at the end the names of types. */
function* eraseKept(erasing: Erasing, after: number): Steps<EraseReceipt> {
  const { port, finder } = erasing
  const rows = yield* query<Sized & { id: number }>(
    sql`SELECT id, length(piece) AS bytes FROM quarantine WHERE id > ${after} AND piece IS NOT NULL
     ORDER BY id LIMIT ${ROWS_PER_STEP}`,
  )
  const ids = idsOf(takeSome(rows, port))
  const last = ids.at(-1)
  if (last === undefined) {
    yield* eraseNames(erasing)
    return NOTHING
  }
  const likely = yield* query<{ id: number; piece: Uint8Array }>(
    sql`SELECT id, piece FROM quarantine
     WHERE ${isAmong(port, 'id', ids)} AND ${hold(erasing, 'piece', true)}`,
  )
  const whole = (piece: Uint8Array) => ({ start: 0, end: piece.length })
  const found = likely.filter(({ piece }) => blankTraces(piece, whole(piece), finder))
  const gone = found.filter(({ piece }) => isBlank(piece, whole(piece)))
  yield* each(
    'UPDATE quarantine SET piece = ? WHERE id = ?',
    found.map(({ id, piece }) => [piece, id]),
  )
  yield* removePieces(port, idsOf(gone))
  return { ...NOTHING, pieces: found.length, after: `quarantine.${last}` }
}

const NOTHING: EraseReceipt = { events: 0, pieces: 0, errors: 0, seen: 0, after: undefined }

/** A sender names events as it likes, after people too; the names outlive the events in the counts. */
function* eraseNames({ port, finder }: Erasing): Steps<void> {
  const isFound = (type: string) => finder.isIn(type)
  const names = [...(yield* port.totals.read()).keys()].filter((name) => name.startsWith('type:'))
  yield* port.totals.move(
    names.filter((name) => isFound(name.slice('type:'.length))),
    'type:(other)',
  )
  const series = yield* query<{ type: string }>('SELECT DISTINCT type FROM event_series')
  for (const { type } of series.filter((row) => isFound(row.type))) {
    const rows = yield* query<Pick<SeriesRow, 'step' | 'at' | 'n'>>(
      sql`DELETE FROM event_series WHERE type = ${type} RETURNING step, at, n`,
    )
    yield* addToSeries(
      port,
      rows.map((row) => ({ ...row, type: '(other)' })),
    )
  }
}
