import type { TraceFinder } from '../trace-finder.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'

/** A sender names events as it likes, after people too; the names outlive the events in the counts. */
export function createNameErasing(db: Database) {
  const counters = createCounters(db)
  const selectTypes = db.prepare(
    `SELECT substr(name, 6) AS type FROM counters WHERE name LIKE 'type:%'
     UNION SELECT type FROM event_series`,
  )
  const deleteCounter = db.prepare('DELETE FROM counters WHERE name = ?')
  const moveSeries = db.prepare(
    `INSERT INTO event_series SELECT step, at, '(other)', n FROM event_series WHERE type = ?
     ON CONFLICT (step, at, type) DO UPDATE SET n = n + excluded.n`,
  )
  const deleteSeries = db.prepare('DELETE FROM event_series WHERE type = ?')

  function eraseNames(finder: TraceFinder): void {
    for (const { type } of selectTypes.all() as { type: string }[]) {
      if (!finder.isIn(type)) continue
      counters.add('type:(other)', counters.get(`type:${type}`))
      deleteCounter.run(`type:${type}`)
      moveSeries.run(type)
      deleteSeries.run(type)
    }
  }

  return { eraseNames }
}
