import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { ReceiverError } from '../../errors.ts'

export type Database = DatabaseSyncInstance
export type Statement = StatementSyncInstance

const OLDEST_SAFE_SQLITE = [3, 51, 3] as const

/**
 * Opens a file with SQLite's synchronous API: built in from Node 24 on, below that the same API
 * from prebuilt binaries. Written against their common subset.
 */
export async function openDriver(
  file: string,
  options: { isReadOnly: boolean },
): Promise<Database> {
  const nodeMajor = Number(process.versions.node.split('.')[0])
  const { DatabaseSync } =
    nodeMajor >= 24
      ? (process.getBuiltinModule(
          'node:sqlite',
        ) as unknown as typeof import('@photostructure/sqlite'))
      : await import('@photostructure/sqlite')
  return new DatabaseSync(file, { readOnly: options.isReadOnly })
}

/** Versions before 3.51.3 can corrupt a WAL file that two connections reset: sqlite.org/wal.html. */
export function refuseUnsafeVersion(db: Database): void {
  const { version } = db.prepare('SELECT sqlite_version() AS version').get() as { version: string }
  const parts = version.split('.').map(Number)
  for (const [index, oldest] of OLDEST_SAFE_SQLITE.entries()) {
    const part = parts[index] ?? 0
    if (part > oldest) return
    if (part < oldest) throw new ReceiverError('store_too_old', { detail: `found ${version}` })
  }
}

const SQLITE_BUSY = 5
const SQLITE_FULL = 13
const SQLITE_IOERR_FSYNC = 1034
const SQLITE_IOERR_DIR_FSYNC = 1290
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26
/** Too big, a constraint, a wrong type, out of range: it fails for what it is, not for when. */
const REFUSALS: ReadonlySet<number> = new Set([18, 19, 20, 25])

/** No permission, read-only, cannot be opened. */
const UNUSABLE: ReadonlySet<number> = new Set([3, 8, 14])

/** Somebody else holds the file. */
export function isBusy(error: unknown): boolean {
  return (((error as { errcode?: number }).errcode ?? 0) & 0xff) === SQLITE_BUSY
}

/** What a driver's error means for the receiver. */
export function translateError(error: unknown): ReceiverError {
  if (error instanceof ReceiverError) return error
  const extended = (error as { errcode?: number }).errcode ?? 0
  const detail = error instanceof Error ? error.message : String(error)
  const options = { detail, cause: error }
  // After a failed sync the pages are gone though marked clean, and the next commit would succeed:
  // the connection must never acknowledge again.
  if (extended === SQLITE_IOERR_FSYNC || extended === SQLITE_IOERR_DIR_FSYNC) {
    return new ReceiverError('store_broken', options)
  }
  const primary = extended & 0xff
  if (primary === SQLITE_FULL) return new ReceiverError('store_full', options)
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) {
    return new ReceiverError('store_corrupt', options)
  }
  if (UNUSABLE.has(primary)) return new ReceiverError('store_unusable', options)
  if (REFUSALS.has(primary) || error instanceof TypeError || error instanceof RangeError) {
    return new ReceiverError('store_refused', options)
  }
  return new ReceiverError('store_busy', options)
}
