import { createHash } from 'node:crypto'
import { batchOf } from '../event-id.ts'
import type { KnownEvent, KnownKeys } from '../store.ts'
import type { Counters } from './counters.ts'
import type { Database } from './driver.ts'
import type { KeyStore } from './keys.ts'

export type StoredBody =
  | { readonly kind: 'whole'; readonly body: Uint8Array }
  /** Its SHA-256 differs: the bytes are not to be handed to anybody. */
  | { readonly kind: 'damaged' }
  /** Retention has removed it. */
  | { readonly kind: 'gone' }

/** Reads bodies for what points into them. Each is checked whenever it is read. */
export function createBodies(db: Database) {
  const select = db.prepare(
    'SELECT o.body, b.sha256 FROM bodies o JOIN batches b ON b.seq = o.batch WHERE o.batch = ?',
  )
  const update = db.prepare('UPDATE bodies SET body = ? WHERE batch = ?')
  // Runs of several handlers, and several pages of one batch, come one after the other.
  let last: { readonly batch: number; readonly stored: StoredBody } | undefined

  function readStored(batch: number): StoredBody {
    const row = select.get(batch) as { body: Uint8Array; sha256: Uint8Array } | undefined
    if (!row) return { kind: 'gone' }
    const isWhole = createHash('sha256').update(row.body).digest().equals(row.sha256)
    return isWhole ? { kind: 'whole', body: row.body } : { kind: 'damaged' }
  }

  return {
    read(batch: number): StoredBody {
      if (last?.batch !== batch) last = { batch, stored: readStored(batch) }
      return last.stored
    },
    /** To be called when something else than `replace` may have changed a body. */
    forget(): void {
      last = undefined
    },
    replace(batch: number, body: Uint8Array): void {
      last = undefined
      update.run(body, batch)
    },
  }
}

export type Bodies = ReturnType<typeof createBodies>

/** Answers what is known of keys, 16 bytes each. */
export function createKnownEvents(
  db: Database,
  parts: { readonly keys: KeyStore; readonly counters: Counters; readonly bodies: Bodies },
): (keys: Uint8Array) => KnownKeys {
  const { keys, counters, bodies } = parts
  const selectPlace = db.prepare('SELECT start, bytes FROM events WHERE id = ?')
  const selectPayload = db.prepare(
    'SELECT payload FROM jobs WHERE event = ? AND length(payload) > 0',
  )

  /** Copied, so that no whole body stays in memory for one event. */
  function readPayload(event: number): Uint8Array | undefined {
    const place = selectPlace.get(event) as { start: number; bytes: number } | undefined
    if (!place) return undefined
    const stored = bodies.read(batchOf(event))
    if (stored.kind === 'whole') return stored.body.slice(place.start, place.start + place.bytes)
    return (selectPayload.get(event) as { payload: Uint8Array } | undefined)?.payload
  }

  return (asked) => {
    // In order of their events, so that each body is read once.
    const found = [...keys.find(asked)].sort(([, a], [, b]) => a - b)
    const known = new Map<number, KnownEvent>()
    for (const [index, event] of found) known.set(index, { event, payload: readPayload(event) })
    return { known, prunedThrough: counters.get('keys_pruned_through') }
  }
}
