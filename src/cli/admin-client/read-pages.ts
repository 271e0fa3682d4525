import type { AdminClient, Query } from './admin-client.ts'

const MAX_PAGE = 500

export interface ListRequest {
  readonly path: string
  /** The name under which an answer holds its rows. */
  readonly rowsIn: string
  readonly query?: Query
  /** `Infinity` for all. */
  readonly limit: number
}

/** Reads rows page by page, newest first; never more than one page in memory. */
export async function* readPages<Row>(
  client: AdminClient,
  { path, rowsIn, query = {}, limit }: ListRequest,
): AsyncGenerator<readonly Row[]> {
  let left = limit
  let cursor: string | undefined
  while (left > 0) {
    const page = await client.get<Readonly<Record<string, unknown>>>(path, {
      ...query,
      limit: Math.min(left, MAX_PAGE),
      cursor,
    })
    const rows = page[rowsIn] as readonly Row[]
    yield rows
    left -= rows.length
    // A page may be empty because time was up: then its cursor goes on.
    if (typeof page.cursor !== 'string') return
    cursor = page.cursor
  }
}
