import {
  type Condition,
  EVENT_COLUMNS,
  EVENT_TABLES,
  type EventSelection,
  type Found,
  readDead,
  SELECT_DEAD,
  selectEvents,
  toPage,
} from '../event-query.ts'
import { type EventSqlRow, readEventRow } from '../rows.ts'
import { boundSearch, cutWindows, type SearchWindow } from '../search-windows.ts'
import type { EventQuery, EventRow, Page } from '../store.ts'
import type { Database, Statement } from './driver.ts'

/** One by one: asked for together, SQLite would walk over the whole table. */
const SELECT_IDS = `
  SELECT (SELECT min(id) FROM events) AS first, (SELECT max(id) FROM events) AS last`

/** Must be the shift in the look-up indexes' expressions. */
const BUCKET_BITS = 12

/** Not by shifting: that would cut ids to 32 bits. */
const bucketOf = (id: number): number => Math.floor(id / 2 ** BUCKET_BITS)

const isBefore = (id: number): Condition => ({ sql: 'e.id < ?', value: id })
const isFrom = (id: number): Condition => ({ sql: 'e.id >= ?', value: id })

/** The plus sign keeps SQLite from walking by number where the bucket's index leads. */
const inWindow = (sign: '<' | '>=', id: number): Condition => ({
  sql: `+e.id ${sign} ?`,
  value: id,
})

/** Finds events, newest first; for a bounded time. */
export function createEventSearch(db: Database, now: () => number) {
  const selectIds = db.prepare(SELECT_IDS)
  const selectDead = db.prepare(SELECT_DEAD)

  // A bucket after the other is asked the same: compiling that takes longer than the answer.
  let latest = { sql: '', statement: selectIds }

  function prepare(sql: string): Statement {
    if (latest.sql !== sql) latest = { sql, statement: db.prepare(sql) }
    return latest.statement
  }

  function findWhere(conditions: readonly Condition[], limit: number): EventRow[] {
    const where = conditions.map((one) => one.sql).join(' AND ')
    const sql = `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES}
      WHERE ${where} ORDER BY e.id DESC LIMIT ?`
    const rows = prepare(sql).all(...conditions.map(({ value }) => value), limit)
    return (rows as unknown as EventSqlRow[]).map(readEventRow)
  }

  /** `look` finds in one window, or in a part of it; time goes on between two. */
  function findInWindows(
    { before, limit }: EventSelection,
    look: (window: SearchWindow, limit: number) => Found<EventRow>,
  ): Found<EventRow> {
    const all = boundSearch(selectIds.get() as EventIds, before)
    const rows: EventRow[] = []
    let reached = all.before
    const windows = cutWindows(all, now)
    for (let next = windows.next(); !next.done; next = windows.next(reached)) {
      const found = look(next.value, limit - rows.length)
      rows.push(...found.rows)
      reached = found.reached ?? next.value.from
      if (rows.length === limit) break
    }
    return { rows, reached: reached > all.from ? reached : undefined }
  }

  /** In the order of the buckets, each of which has its own part of the index. */
  function findInBuckets(selection: EventSelection): Found<EventRow> {
    return findInWindows(selection, ({ from, before }, limit) => {
      const rows: EventRow[] = []
      const oldest = bucketOf(from)
      for (let bucket = bucketOf(before - 1); bucket >= oldest; bucket--) {
        if (rows.length >= limit) break
        const inBucket = { sql: `e.id >> ${BUCKET_BITS} = ?`, value: bucket }
        const inside = [inBucket, inWindow('<', before), inWindow('>=', from)]
        rows.push(...findWhere([...inside, ...selection.conditions], limit - rows.length))
      }
      return { rows }
    })
  }

  function findDead(selection: EventSelection): Found<EventRow> {
    const { conditions } = selection
    return findInWindows(selection, ({ from, before }, limit) => {
      const { ids, reached } = readDead(selectDead.all(from, before) as { id: number }[], from)
      const among = { sql: 'e.id IN (SELECT value FROM json_each(?))', value: JSON.stringify(ids) }
      return { rows: findWhere([among, ...conditions], limit), reached }
    })
  }

  function find(selection: EventSelection): Found<EventRow> {
    if (selection.index === 'lookUp') return findInBuckets(selection)
    if (selection.index === 'dead') return findDead(selection)
    const { before, limit, conditions } = selection
    if (conditions.length === 0) return { rows: findWhere([isBefore(before)], limit) }
    return findInWindows(selection, (window, left) => ({
      rows: findWhere([isBefore(window.before), isFrom(window.from), ...conditions], left),
    }))
  }

  return {
    listEvents(query: EventQuery): Page<EventRow> {
      const selection = selectEvents(query, (column) => `${column} = ?`)
      return toPage(find(selection), selection.limit)
    },
  }
}

interface EventIds {
  first: number | null
  last: number | null
}
