import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { ReceiverError } from '../../errors.ts'
import type { Steps } from '../steps.ts'

export type Database = DatabaseSyncInstance
export type Statement = StatementSyncInstance

/** Versions before it can corrupt a WAL file that two connections reset: sqlite.org/wal.html. */
const OLDEST_SAFE_SQLITE = [3, 51, 3] as const

/**
 * Opens a file with SQLite's synchronous API: the one built into Node, or the same API from prebuilt
 * binaries. Written against their common subset.
 */
export async function openDriver(
  file: string,
  options: { isReadOnly: boolean },
): Promise<Database> {
  const { DatabaseSync } = isBuiltInUsable(process.versions)
    ? (process.getBuiltinModule(
        'node:sqlite',
      ) as unknown as typeof import('@photostructure/sqlite'))
    : await import('@photostructure/sqlite')
  return new DatabaseSync(file, { readOnly: options.isReadOnly })
}

/** Searches differ in a few conditions; compiling one takes longer than many an answer. */
const MOST_STATEMENTS = 100

/** Compiles each statement once. */
export function prepareOnce(db: Database): (sql: string) => Statement {
  const statements = new Map<string, Statement>()
  return (sql) => {
    const known = statements.get(sql)
    if (known) return known
    if (statements.size >= MOST_STATEMENTS) statements.clear()
    const statement = db.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
}

/** Runs steps from beginning to end: nobody else has the connection in between. */
export function createStepRunner(db: Database): <Result>(steps: Steps<Result>) => Result {
  const prepare = prepareOnce(db)
  return (steps) => {
    let step = steps.next([])
    while (!step.done) {
      const { sql, lists } = step.value
      const statement = prepare(sql)
      let rows: readonly unknown[] = []
      for (const values of lists) rows = statement.all(...(values as readonly (string | null)[]))
      step = steps.next(rows)
    }
    return step.value
  }
}

/** Below Node 24 it warns that it is an experiment; 24.0 to 24.14, 25.2 and others bring a version too old. */
export function isBuiltInUsable({ node, sqlite }: NodeJS.Dict<string>): boolean {
  return Number(node?.split('.')[0]) >= 24 && sqlite !== undefined && isSafe(sqlite)
}

export function refuseUnsafeVersion(db: Database): void {
  const { version } = db.prepare('SELECT sqlite_version() AS version').get() as { version: string }
  if (!isSafe(version)) throw new ReceiverError('store_too_old', { detail: `found ${version}` })
}

function isSafe(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [index, oldest] of OLDEST_SAFE_SQLITE.entries()) {
    const part = parts[index] ?? 0
    if (part !== oldest) return part > oldest
  }
  return true
}

const SQLITE_BUSY = 5
const SQLITE_FULL = 13
const SQLITE_IOERR_FSYNC = 1034
const SQLITE_IOERR_DIR_FSYNC = 1290
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26
/** Too big, a constraint, a wrong type, out of range: it fails for what it is, not for when. */
const REFUSALS: ReadonlySet<number> = new Set([18, 19, 20, 25])

/** No permission, read-only, a read or a write that fails as when a disk is read-only all at once, cannot be opened. */
const UNUSABLE: ReadonlySet<number> = new Set([3, 8, 10, 14])

/** The same, of a file that SQLite has not seen yet. */
const UNUSABLE_FILES: ReadonlySet<unknown> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'EEXIST',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
])

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
  const { code } = error as NodeJS.ErrnoException
  if (UNUSABLE_FILES.has(code)) return new ReceiverError('store_unusable', options)
  const primary = extended & 0xff
  if (primary === SQLITE_FULL || code === 'ENOSPC') return new ReceiverError('store_full', options)
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) {
    return new ReceiverError('store_corrupt', options)
  }
  if (UNUSABLE.has(primary)) return new ReceiverError('store_unusable', options)
  if (REFUSALS.has(primary) || error instanceof TypeError || error instanceof RangeError) {
    return new ReceiverError('store_refused', options)
  }
  return new ReceiverError('store_busy', options)
}
