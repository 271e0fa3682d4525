import { openCopyTarget } from './postgres/copy-target.ts'
import { type CopySource, openCopySource } from './sqlite/copy-source.ts'
import {
  COPIED_TABLES,
  type CopiedRow,
  type CopiedTable,
  type CopyProgress,
  type RowCounts,
} from './store-copy.ts'

export interface CopyOptions {
  /** The SQLite file; no receiver may work on it. */
  readonly file: string
  /** The PostgreSQL database; empty, or with the beginning of the same copy. */
  readonly url: string
  /** Called after every chunk with the rows that are copied, of those there are. */
  readonly onProgress: (rows: number, total: number) => void
  readonly onWarning: (text: string) => void
  /** Ends the copy after a chunk; the next one goes on there. */
  readonly stopped: AbortSignal
  readonly random: () => number
}

export interface CopyReport {
  /** `had_ended`: it was copied earlier, and nothing was done. */
  readonly outcome: 'copied' | 'had_ended' | 'stopped'
  /** All that are copied, by table. */
  readonly rows: RowCounts
  /** How many of them an earlier call had copied. */
  readonly earlierRows: number
}

/**
 * Copies everything a SQLite store holds into a PostgreSQL database, numbers and keys included, and
 * changes nothing in the file. What is copied stays when it breaks off; the same call goes on
 * there. Rejects with CopyRefused, or with a ReceiverError like the stores.
 */
export async function copyStore(options: CopyOptions): Promise<CopyReport> {
  const source = await openCopySource(options.file)
  try {
    const target = await openCopyTarget(options.url, options)
    try {
      return await copy(source, target, options)
    } finally {
      await target.close()
    }
  } finally {
    source.close()
  }
}

async function copy(
  source: CopySource,
  target: Awaited<ReturnType<typeof openCopyTarget>>,
  { onProgress, stopped }: CopyOptions,
): Promise<CopyReport> {
  const { facts } = source
  const total = sum(facts.rows)
  const begun = await target.begin(facts)
  const earlierRows = countRows(begun.progress)
  if (begun.hasEnded) return { outcome: 'had_ended', rows: facts.rows, earlierRows }
  let { progress } = begun
  for (const table of COPIED_TABLES) {
    for (;;) {
      const rows = source.readAfter(table, progress[table.name]?.after)
      if (rows.length === 0) break
      if (stopped.aborted) return { outcome: 'stopped', rows: readRows(progress), earlierRows }
      const next = advance(progress, table, rows)
      await target.put(table, rows, next)
      progress = next
      onProgress(countRows(progress), total)
    }
  }
  await target.finish(facts)
  return { outcome: 'copied', rows: facts.rows, earlierRows }
}

function advance(
  progress: CopyProgress,
  { name, key }: CopiedTable,
  rows: readonly CopiedRow[],
): CopyProgress {
  const last = rows.at(-1)
  const after = key.map((column) => last?.[column] ?? null)
  return { ...progress, [name]: { after, rows: (progress[name]?.rows ?? 0) + rows.length } }
}

function readRows(progress: CopyProgress): RowCounts {
  return Object.fromEntries(COPIED_TABLES.map(({ name }) => [name, progress[name]?.rows ?? 0]))
}

const countRows = (progress: CopyProgress): number => sum(readRows(progress))

function sum(rows: RowCounts): number {
  return Object.values(rows).reduce((total, n) => total + n, 0)
}
