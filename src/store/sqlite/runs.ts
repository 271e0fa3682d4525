import { type BatchRow, readBatch } from '../claimed-rows.ts'
import { eventIdOf } from '../event-id.ts'
import { bitOf, makeBits } from '../run-bits.ts'
import type { ClaimRequest, OpenRun, RunEvent, StoredRun, UnpackedPage } from '../store.ts'
import type { Bodies, StoredBody } from './bodies.ts'
import type { Database } from './driver.ts'
import type { Words } from './event-rows.ts'
import { Fresh } from './fresh.ts'
import { KEY_BYTES } from './key-entries.ts'
import type { RunEnds, RunRow } from './run-ends.ts'
import type { Held } from './transactions.ts'

const ROWS_TOGETHER = 32

/** Of runs that wait a moment; bytes of bodies, each counted for every run of it. */
const MOST_KEPT = { rows: 256, bytes: 8 * 1024 * 1024 }

/** A run to be stored: `events` in order, spanning fewer than RUN_SPAN. */
export interface NewRun {
  readonly batch: number
  readonly handler: string
  readonly events: readonly number[]
  /** Handed out at once, at this time; undefined: it waits. */
  readonly openedAt: number | undefined
}

type EventRow = Pick<RunEvent, 'event' | 'start' | 'bytes'> &
  Readonly<Record<'key', string> & Record<'type', string | number>>

interface ClaimableRow extends RunRow, BatchRow {
  readonly body_bytes: number
}

/** Events that are handed out together, and who may have them. All within a transaction. */
export function createRuns(
  db: Database,
  parts: {
    readonly held: Held<number>
    readonly bodies: Bodies
    readonly ends: RunEnds
    readonly words: Words
  },
) {
  const { held, bodies, ends, words } = parts
  const sql = prepareStatements(db)
  const fresh = new Fresh<FreshRun>(MOST_KEPT)
  let lastRun =
    (db.prepare('SELECT max(id) AS id FROM runs').get() as { id: number | null }).id ?? 0

  function add({ batch, handler, events, openedAt }: NewRun): StoredRun {
    const run = ++lastRun
    const base = events[0] ?? 0
    const wanted = makeBits(base, events)
    const fence = openedAt === undefined ? 0 : 1
    sql.insert.run(run, batch, handler, base, wanted, events.length, fence, fence, openedAt ?? null)
    if (fence > 0) held.hold(run, fence)
    return { run, handler, fence }
  }

  /** Free runs, as many as are asked for; the first whatever its size. */
  function findFree({ handler, events, bytes }: ClaimRequest): ClaimableRow[] {
    const free: ClaimableRow[] = []
    let left = { events, bytes }
    for (let after = 0; ; ) {
      const rows = sql.selectOpen.all(handler, after) as unknown as ClaimableRow[]
      for (const row of rows) {
        if (held.fenceOf(row.id) !== undefined) continue
        const isBodyCounted = free.at(-1)?.batch === row.batch
        left = {
          events: left.events - row.open,
          bytes: left.bytes - (isBodyCounted ? 0 : row.body_bytes),
        }
        if (free.length > 0 && (left.events < 0 || left.bytes < 0)) return free
        free.push(row)
      }
      if (rows.length < ROWS_TOGETHER || left.events <= 0) return free
      after = rows.at(-1)?.id ?? 0
    }
  }

  function claim(request: ClaimRequest, now: number): readonly OpenRun[] {
    return findFree(request).flatMap((row) => {
      const known = fresh.take(row.id)
      const stored = known ? known.stored : bodies.read(row.batch)
      if (stored.kind !== 'whole') {
        ends.endUnreadable(row, stored, now)
        return []
      }
      sql.open.run(now, row.id)
      const { id: run, handler } = row
      const [fence, opened] = [row.fence + 1, row.opened + 1]
      held.hold(run, fence)
      const events = known?.events ?? readEvents(row, { sql, words })
      const batch = readBatch(row, row.batch)
      return [{ run, handler, fence, opened, batch, body: stored.body, events }]
    })
  }

  return {
    add,
    claim,
    /** A run of this page was stored and waits: to read it back takes 2 µs an event. */
    keep({ run, handler }: StoredRun, page: UnpackedPage): void {
      const { body } = page
      if (body === undefined) return
      fresh.keep(run, body.byteLength, () => {
        return { stored: { kind: 'whole', body }, events: eventsOf(page, handler) }
      })
    },
    /** To be called when events or bodies may have changed. */
    forget: () => fresh.clear(),
  }
}

export type Runs = ReturnType<typeof createRuns>

/** Those of a run that are open. */
function readEvents(
  row: RunRow,
  { sql, words }: { sql: ReturnType<typeof prepareStatements>; words: Words },
): RunEvent[] {
  const last = row.base + row.wanted.length * 8
  const found = sql.selectEvents.all(row.base, last) as unknown as EventRow[]
  const keys = Buffer.allocUnsafe(found.length * KEY_BYTES)
  let hex = ''
  const events: RunEvent[] = []
  for (const { event, start, bytes, key, type: word } of found) {
    if (bitOf(row, event) !== 'open') continue
    const keyAt = events.length * KEY_BYTES
    events.push({ event, start, bytes, keys, keyAt, type: words.toText(word) })
    hex += key
  }
  // A blob of its own for each would cost as much as all the rest.
  keys.write(hex, 'hex')
  return events
}

interface FreshRun {
  readonly stored: StoredBody & { readonly kind: 'whole' }
  readonly events: readonly RunEvent[]
}

/** Those of a page that the handler wants. */
function eventsOf({ batch, events, keys }: UnpackedPage, handler: string): RunEvent[] {
  const wanted: RunEvent[] = []
  for (let n = 0; n < events.length; n++) {
    const { handlers, position, start, bytes, type } = events[n] as UnpackedPage['events'][number]
    if (!handlers.includes(handler)) continue
    const event = eventIdOf(batch.seq, position)
    wanted.push({ event, start, bytes, keys, keyAt: n * KEY_BYTES, type })
  }
  return wanted
}

function prepareStatements(db: Database) {
  const columns =
    'r.id, r.batch, r.handler, r.base, r.wanted, r.done, r.failed, r.open, r.fence, r.opened'
  return {
    insert: db.prepare(
      `INSERT INTO runs (id, batch, handler, base, wanted, open, fence, opened, opened_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    selectOpen: db.prepare(
      `SELECT ${columns}, r.opened_at, r.timings, b.id AS batch_id, b.source, b.provider,
         b.received_at, b.body_bytes
       FROM runs r JOIN batches b ON b.seq = r.batch
       WHERE r.handler = ? AND r.open > 0 AND r.id > ? ORDER BY r.id LIMIT ${ROWS_TOGETHER}`,
    ),
    open: db.prepare(
      'UPDATE runs SET fence = fence + 1, opened = opened + 1, opened_at = ? WHERE id = ?',
    ),
    selectEvents: db.prepare(
      `SELECT id AS event, start, bytes, hex(key) AS key, type FROM event_rows WHERE id >= ? AND id < ? ORDER BY id`,
    ),
  }
}
