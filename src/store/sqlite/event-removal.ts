import { createCounters, createTypeCounters } from './counters.ts'
import type { Database } from './driver.ts'

export interface RemovableEvent {
  readonly id: number
  readonly verdict: string
  readonly type: string
}

export interface JobStateRow {
  readonly handler: string
  readonly state: string
}

/** Takes events away with their jobs, out of the totals too. Their keys stay. */
export function createEventRemoval(db: Database) {
  const counters = createCounters(db)
  const typeCounters = createTypeCounters(db)
  const selectJobStates = db.prepare('SELECT handler, state FROM jobs WHERE event_id = ?')
  const deleteJobs = db.prepare('DELETE FROM jobs WHERE event_id = ?')
  const deleteEvent = db.prepare('DELETE FROM events WHERE id = ?')

  function readJobs(id: number): JobStateRow[] {
    return selectJobStates.all(id) as unknown as JobStateRow[]
  }

  function remove(event: RemovableEvent, jobs: readonly JobStateRow[]): void {
    deleteJobs.run(event.id)
    deleteEvent.run(event.id)
    counters.add('events', -1)
    typeCounters.add(event.type, -1)
    if (event.verdict !== 'dispatched') counters.add(event.verdict, -1)
    for (const { handler, state } of jobs) if (state === 'done') counters.add(`done:${handler}`, -1)
  }

  return { readJobs, remove }
}
