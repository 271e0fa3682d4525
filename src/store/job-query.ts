import type { Found } from './event-query.ts'
import type { JobRow, Page } from './store.ts'

/** A page of jobs begins behind this one; without a cursor, behind a job newer than all. */
export function readJobCursor(cursor: string | undefined): [event: number, handler: string] {
  if (cursor === undefined) return [Number.MAX_SAFE_INTEGER, '']
  const dot = cursor.indexOf('.')
  return [Number(cursor.slice(0, dot)), cursor.slice(dot + 1)]
}

/** No handler's name comes before this one. */
const FIRST_NAME = '-'

export function toJobPage({ rows, reached }: Found<JobRow>, limit: number): Page<JobRow> {
  const last = rows.length === limit ? rows.at(-1) : undefined
  if (last) return { rows, cursor: `${last.event}.${last.handler}` }
  if (reached === undefined) return { rows, cursor: undefined }
  return { rows, cursor: `${reached}.${FIRST_NAME}`, isPartial: true }
}
