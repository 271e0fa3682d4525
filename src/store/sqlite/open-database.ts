import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ReceiverError } from '../../errors.ts'
import { type Database, isBusy, openDriver, refuseUnsafeVersion, translateError } from './driver.ts'

const MIGRATIONS = fileURLToPath(new URL('./migrations/', import.meta.url))

/** Checking a larger file would hold up the start for seconds. */
const LARGEST_CHECKED_BYTES = 256 * 1024 * 1024

/**
 * Opens the one connection that writes: checks the file, brings the tables up to date, and sets
 * what makes a commit durable.
 */
export async function openForWriting(file: string): Promise<Database> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const db = await openDriver(file, { isReadOnly: false })
  try {
    prepareForWriting(db, file)
    syncDirectory(dirname(file))
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function prepareForWriting(db: Database, file: string): void {
  refuseUnsafeVersion(db)
  refuseStranger(db, file)
  // On every open: the shim reopens a WAL file with NORMAL, which loses the last commits at a power cut.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000')
  // Checkpoints run between commits, never inside the commit that a request waits for.
  db.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864')
  // Deleted bytes are overwritten where that takes no write of its own; see `wipe.ts` for the rest.
  db.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST')
  refuseDamage(db, file)
  migrate(db)
}

/** Opens a connection for reads beside the writer. */
export async function openForReading(file: string): Promise<Database> {
  const db = await openDriver(file, { isReadOnly: true })
  db.exec('PRAGMA busy_timeout = 2000; PRAGMA cache_size = -4096; PRAGMA query_only = ON')
  return db
}

/** Opens a connection that only checkpoints; its syncs count as much as those of commits. */
export async function openForCheckpoints(file: string): Promise<Database> {
  const db = await openDriver(file, { isReadOnly: false })
  db.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -64')
  return db
}

function refuseDamage(db: Database, file: string): void {
  if (statSync(file).size > LARGEST_CHECKED_BYTES) return
  const row = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string }
  if (row.quick_check !== 'ok') throw new ReceiverError('store_corrupt', { detail: file })
}

/** Nothing is changed in somebody else's database. */
function refuseStranger(db: Database, file: string): void {
  const { tables, ours } = db
    .prepare(
      `SELECT (SELECT count(*) FROM sqlite_schema) AS tables,
         (SELECT count(*) FROM pragma_table_info('migrations') WHERE name IN ('name', 'applied_at')) AS ours`,
    )
    .get() as { tables: number; ours: number }
  if (tables === 0 || ours === 2) return
  throw new ReceiverError('store_corrupt', { detail: `${file} is a database of something else` })
}

/** Runs the numbered files that this database has not seen, each in one transaction. */
function migrate(db: Database): void {
  db.exec(`CREATE TABLE IF NOT EXISTS migrations (
    name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT, WITHOUT ROWID`)
  const known = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  const applied = db.prepare('SELECT name FROM migrations').all() as { name: string }[]
  const strange = applied.filter(({ name }) => !known.includes(name))
  if (strange.length > 0) {
    throw new ReceiverError('store_too_new', { detail: strange.map(({ name }) => name).join(', ') })
  }
  for (const name of known.filter((file) => !applied.some((row) => row.name === file))) {
    db.exec('BEGIN IMMEDIATE')
    db.prepare('INSERT INTO migrations VALUES (?, ?)').run(name, Date.now())
    db.exec(readFileSync(`${MIGRATIONS}${name}`, 'utf8'))
    db.exec('COMMIT')
  }
}

/** A new file is only found again after a power cut once its directory is on disk as well. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

export const lockFileOf = (directory: string): string => `${directory}/receiver.lock`

/**
 * Holds the data directory for this process. The lock is the operating system's, on a SQLite file
 * of its own, so it ends with the process, however that ends. Close the answer to let go.
 */
export async function lockDataDirectory(directory: string): Promise<Database> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = lockFileOf(directory)
  try {
    return await lockFile(file)
  } catch (cause) {
    if (isBusy(cause)) throw new ReceiverError('store_locked', { detail: directory, cause })
    if (translateError(cause).code !== 'store_corrupt') throw cause
    // It is always empty. Whatever was written into it was written by somebody else, not by a holder.
    rmSync(file)
    return await lockFile(file)
  }
}

async function lockFile(file: string): Promise<Database> {
  const lock = await openDriver(file, { isReadOnly: false })
  try {
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}
