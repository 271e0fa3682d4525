import { eraseErrors, readEraseCursor, writeEraseCursor } from '../erase-errors.ts'
import type { EraseReceipt, EraseRequest } from '../store.ts'
import { createTraceFinder, type TraceFinder } from '../trace-finder.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'
import { createNameErasing } from './erase-names.ts'
import { createEventRemoval, type RemovableEvent } from './event-removal.ts'

/** One call looks at so much, whichever comes first; every other write waits for it. */
const ROWS_PER_CALL = 2_000
const CHARACTERS_PER_CALL = 2_000_000

interface EventRow extends RemovableEvent {
  readonly recipient: string | null
  readonly payload: string
}
interface JobErrors {
  readonly event_id: number
  readonly handler: string
  readonly failures: string
}
interface PieceRow {
  readonly id: number
  readonly pieces: number
  readonly body: Uint8Array
}

/** Removes what tells of a person, by walking over all there is: a text may name anybody. */
export function createErasing(db: Database) {
  const counters = createCounters(db)
  const removal = createEventRemoval(db)
  const { eraseNames } = createNameErasing(db)
  const selectEvents = db.prepare(
    `SELECT id, verdict, type, recipient, payload FROM events WHERE id > ? ORDER BY id LIMIT ${ROWS_PER_CALL}`,
  )
  const selectErrors = db.prepare(
    `SELECT event_id, handler, failures FROM jobs
     WHERE event_id > ? AND event_id <= ? AND failures IS NOT NULL`,
  )
  const updateErrors = db.prepare('UPDATE jobs SET failures = ? WHERE event_id = ? AND handler = ?')
  const selectPieces = db.prepare(
    `SELECT id, pieces, body FROM quarantine WHERE id > ? ORDER BY id LIMIT ${ROWS_PER_CALL}`,
  )
  const deletePiece = db.prepare('DELETE FROM quarantine WHERE id = ?')

  function eraseEvents(finder: TraceFinder, after: number): EraseReceipt {
    const rows = takeSome<EventRow>(selectEvents.iterate(after), ({ payload }) => payload.length)
    const last = rows.at(-1)?.id
    if (last === undefined) return nothing({ part: 'quarantine', after: 0 })
    const found = rows.filter(
      ({ recipient, payload }) =>
        finder.isIn(payload) || (recipient !== null && finder.isIn(recipient)),
    )
    for (const event of found) removal.remove(event, removal.readJobs(event.id))
    return {
      ...nothing({ part: 'events', after: last }),
      events: found.length,
      errors: eraseErrorsOf(finder, after, last),
      seen: rows.length,
    }
  }

  function eraseErrorsOf(finder: TraceFinder, after: number, last: number): number {
    let erased = 0
    for (const row of selectErrors.all(after, last) as unknown as JobErrors[]) {
      const rest = eraseErrors(row.failures, finder)
      if (rest === undefined) continue
      updateErrors.run(rest, row.event_id, row.handler)
      erased++
    }
    return erased
  }

  function erasePieces(finder: TraceFinder, after: number): EraseReceipt {
    const rows = takeSome<PieceRow>(selectPieces.iterate(after), ({ body }) => body.byteLength)
    const last = rows.at(-1)?.id
    if (last === undefined) {
      eraseNames(finder)
      return nothing(undefined)
    }
    const found = rows.filter(({ body }) => finder.isInBytes(body))
    for (const { id } of found) deletePiece.run(id)
    counters.add('quarantined', -found.reduce((sum, { pieces }) => sum + pieces, 0))
    return { ...nothing({ part: 'quarantine', after: last }), pieces: found.length }
  }

  function erase({ traces, after: cursor }: EraseRequest): EraseReceipt {
    const finder = createTraceFinder(traces)
    const { part, after } = readEraseCursor(cursor)
    // Deleted bytes are overwritten, also on pages that become free altogether.
    db.exec('PRAGMA secure_delete = ON')
    try {
      return part === 'events' ? eraseEvents(finder, after) : erasePieces(finder, after)
    } finally {
      db.exec('PRAGMA secure_delete = FAST')
    }
  }

  return { erase }
}

function nothing(next: Parameters<typeof writeEraseCursor>[0] | undefined): EraseReceipt {
  return { events: 0, pieces: 0, errors: 0, seen: 0, after: next && writeEraseCursor(next) }
}

/** Rows until they are large together; the first, however large it is. */
function takeSome<Row>(rows: Iterable<unknown>, sizeOf: (row: Row) => number): Row[] {
  const taken: Row[] = []
  let size = 0
  for (const row of rows as Iterable<Row>) {
    taken.push(row)
    size += sizeOf(row)
    if (size > CHARACTERS_PER_CALL) break
  }
  return taken
}
