import {
  type Condition,
  EVENT_COLUMNS,
  EVENT_TABLES,
  type EventSelection,
  SELECT_DEAD,
  selectEvents,
  toPage,
} from '../event-query.ts'
import { type EventSqlRow, readEventRow } from '../rows.ts'
import type { EventQuery, EventRow, Page } from '../store.ts'
import type { Database } from './driver.ts'

/** Must be the shift in the look-up indexes' expressions. */
const BUCKET_BITS = 12

/** Not by shifting: that would cut ids to 32 bits. */
const bucketOf = (id: number): number => Math.floor(id / 2 ** BUCKET_BITS)

const isBefore = (id: number): Condition => ({ sql: 'e.id < ?', value: id })

/** Finds events, newest first. */
export function createEventSearch(db: Database) {
  const selectLast = db.prepare('SELECT max(id) AS id, min(id) AS first FROM events')
  const selectDead = db.prepare(SELECT_DEAD)

  function findWhere(conditions: readonly Condition[], limit: number): EventRow[] {
    const where = conditions.map((one) => one.sql).join(' AND ')
    const sql = `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES}
      WHERE ${where} ORDER BY e.id DESC LIMIT ${limit}`
    const rows = db.prepare(sql).all(...conditions.map(({ value }) => value))
    return (rows as unknown as EventSqlRow[]).map(readEventRow)
  }

  function findInBuckets(selection: EventSelection): EventRow[] {
    const { before, limit, conditions } = selection
    const { id: last, first } = selectLast.get() as { id: number | null; first: number | null }
    const rows: EventRow[] = []
    const oldest = bucketOf(first ?? 0)
    for (let bucket = bucketOf(Math.min(before, last ?? 0)); bucket >= oldest; bucket--) {
      if (rows.length >= limit) break
      const inBucket = { sql: `e.id >> ${BUCKET_BITS} = ?`, value: bucket }
      rows.push(...findWhere([inBucket, isBefore(before), ...conditions], limit - rows.length))
    }
    return rows
  }

  function findDead(selection: EventSelection): EventRow[] {
    const { limit, conditions } = selection
    const rows: EventRow[] = []
    let before: number | undefined = selection.before
    while (before !== undefined && rows.length < limit) {
      const dead = selectDead.all(before, limit) as { id: number }[]
      const ids = JSON.stringify(dead.map(({ id }) => id))
      const among = { sql: 'e.id IN (SELECT value FROM json_each(?))', value: ids }
      rows.push(...findWhere([among, ...conditions], limit - rows.length))
      before = dead.length === limit ? dead.at(-1)?.id : undefined
    }
    return rows
  }

  function find(selection: EventSelection): EventRow[] {
    if (selection.index === 'lookUp') return findInBuckets(selection)
    if (selection.index === 'dead') return findDead(selection)
    const { before, limit, conditions } = selection
    return findWhere([isBefore(before), ...conditions], limit)
  }

  return {
    listEvents(query: EventQuery): Page<EventRow> {
      const selection = selectEvents(query, (column) => `${column} = ?`)
      return toPage(find(selection), selection.limit)
    },
  }
}
