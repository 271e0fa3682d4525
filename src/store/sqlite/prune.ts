import type { PruneReceipt, PruneRequest } from '../store.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'
import { createEventRemoval, type RemovableEvent } from './event-removal.ts'
import { createSeriesWrites } from './series.ts'

/** Rows looked at in one call; small, because every other write waits for it. */
const ROWS_PER_CALL = 500

/**
 * Forgets by age, a little at a time. Each table is walked in the order of its primary key from
 * where the call before stopped, so that no extra index by age has to be kept.
 */
export function createPruning(db: Database) {
  const counters = createCounters(db)
  const removal = createEventRemoval(db)
  const series = createSeriesWrites(db)
  const selectEvents = db.prepare(
    `SELECT id, received_at, verdict, type FROM events WHERE id > ? ORDER BY id LIMIT ${ROWS_PER_CALL}`,
  )
  const deleteQuarantine = db.prepare(
    `DELETE FROM quarantine WHERE id IN
       (SELECT id FROM quarantine WHERE received_at < ? ORDER BY id LIMIT ${ROWS_PER_CALL})
     RETURNING pieces`,
  )
  const deleteBatches = db.prepare(
    `DELETE FROM batches WHERE seq IN
       (SELECT seq FROM batches WHERE received_at < ? AND body IS NULL ORDER BY seq LIMIT ${ROWS_PER_CALL})`,
  )
  const selectKeys = db.prepare(
    `SELECT key, received_at FROM keys WHERE key > ? ORDER BY key LIMIT ${ROWS_PER_CALL * 4}`,
  )
  const deleteKey = db.prepare('DELETE FROM keys WHERE key = ?')
  let lastEvent = 0
  let lastKey = ''

  function pruneEvent(event: EventRow, request: PruneRequest): boolean {
    const jobs = removal.readJobs(event.id)
    if (jobs.some(({ state }) => state === 'pending')) return false
    const isDead = jobs.some(({ state }) => state === 'dead')
    if (event.received_at >= (isDead ? request.deadBefore : request.eventsBefore)) return false
    removal.remove(event, jobs)
    return true
  }

  function pruneEvents(request: PruneRequest): PruneReceipt {
    const rows = selectEvents.all(lastEvent) as unknown as EventRow[]
    const old = rows.filter((row) => row.received_at < request.eventsBefore)
    const removed = old.filter((row) => pruneEvent(row, request)).length
    const isDone = rows.length === 0 || old.length === 0
    lastEvent = isDone ? 0 : (rows.at(-1)?.id ?? 0)
    return { removed, isDone }
  }

  function pruneKeys(before: number): PruneReceipt {
    const rows = selectKeys.all(lastKey) as { key: string; received_at: number }[]
    const old = rows.filter((row) => row.received_at < before)
    let prunedThrough = counters.get('keys_pruned_through')
    for (const row of old) {
      deleteKey.run(row.key)
      prunedThrough = Math.max(prunedThrough, row.received_at)
    }
    if (old.length > 0) counters.set('keys_pruned_through', prunedThrough)
    const isDone = rows.length === 0
    lastKey = isDone ? '' : (rows.at(-1)?.key ?? '')
    return { removed: old.length, isDone }
  }

  function pruneQuarantine(before: number): number {
    const gone = deleteQuarantine.all(before) as { pieces: number }[]
    counters.add('quarantined', -gone.reduce((sum, { pieces }) => sum + pieces, 0))
    return gone.length
  }

  function prune(request: PruneRequest): PruneReceipt {
    const events = pruneEvents(request)
    const keys = pruneKeys(request.keysBefore)
    const quarantined = pruneQuarantine(request.deadBefore)
    // A batch's row is small and tells where its events came from: it stays as long as any may.
    const batches = deleteBatches.run(Math.min(request.deadBefore, request.eventsBefore)).changes
    series.prune(request.eventsBefore)
    return {
      removed: events.removed + keys.removed + quarantined + batches,
      isDone: events.isDone && keys.isDone && quarantined + batches === 0,
    }
  }

  return { prune }
}

interface EventRow extends RemovableEvent {
  readonly received_at: number
}
