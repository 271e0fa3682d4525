import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ReceiverError } from '../../errors.ts'
import { makeFolder } from '../../make-folder.ts'
import { ownFile } from '../../own-files.ts'
import { LONG_LOG_PAGES } from './checkpoints.ts'
import { type Database, openDriver, refuseUnsafeVersion, translateError } from './driver.ts'

const MIGRATIONS = fileURLToPath(ownFile('store/sqlite/migrations/'))

/** SQLite's default. */
const PAGE_BYTES = 4096
/** Checking a larger file would hold up the start for seconds. */
const LARGEST_CHECKED_BYTES = 256 * 1024 * 1024

/**
 * Opens the one connection that writes: checks the file, brings the tables up to date, and sets
 * what makes a commit durable. Errors name the file; `onWarning` hears of a log that was lost.
 */
export async function openForWriting(
  file: string,
  onWarning: (text: string) => void = () => {},
): Promise<Database> {
  try {
    makeFolder(dirname(file), 0o700)
    const loggedPages = readLoggedPages(`${file}-shm`)
    if (!makeFile(file)) await refuseStrangers(file)
    const db = await openDriver(file, { isReadOnly: false })
    try {
      prepareForWriting(db, file)
      if (loggedPages > countLoggedPages(db)) onWarning(describeLostLog(file))
      migrate(db)
      syncPath(dirname(file))
      return db
    } catch (error) {
      db.close()
      throw error
    }
  } catch (cause) {
    throw namingFile(translateError(cause), file)
  }
}

/**
 * Only for this user from the first moment on; SQLite gives its log the same rights. A file that is
 * there is not opened: closing any other descriptor on it would drop the locks of the whole process.
 */
export function makeFile(file: string): boolean {
  if (existsSync(file)) {
    refuseReadOnly(file)
    return false
  }
  closeSync(openSync(file, 'wx', 0o600))
  return true
}

/** Before SQLite opens it: it would make a log with the same rights, which stays in the way. */
function refuseReadOnly(file: string): void {
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
  } catch (cause) {
    throw new ReceiverError('store_unusable', { detail: (cause as Error).message, cause })
  }
}

export function namingFile(error: ReceiverError, file: string): ReceiverError {
  const { code, detail, cause } = error
  if (detail?.includes(file)) return error
  return new ReceiverError(code, { detail: detail ? `${file}: ${detail}` : file, cause })
}

function prepareForWriting(db: Database, file: string): void {
  refuseUnsafeVersion(db)
  // A file that may only be read is opened all the same, and would fail at the first batch.
  db.exec('PRAGMA busy_timeout = 2000; BEGIN IMMEDIATE; PRAGMA user_version = 0; ROLLBACK')
  // On every open: the shim reopens a WAL file with NORMAL, which loses the last commits at a power cut.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  // Checkpoints run between commits, never inside the commit that a request waits for.
  db.exec(
    `PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${LONG_LOG_PAGES * PAGE_BYTES}`,
  )
  // Deleted bytes are overwritten where that takes no write of its own; see `wipe.ts` for the rest.
  db.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST')
  refuseDamage(db, file)
}

/** How SQLite's index of the log begins, twice, in words: sqlite.org/walformat.html. */
const INDEX = { words: 12, version: 3_007_000, pagesAt: 4 }

/**
 * How many pages the log had in the end: its index outlives the process that wrote it. 0: nobody knows. To be asked
 * before SQLite opens the database, which makes the index anew from what is left of the log; and whoever closes the
 * file drops the locks of his process.
 */
function readLoggedPages(index: string): number {
  const bytes = existsSync(index) ? readFileSync(index) : new Uint8Array()
  if (bytes.length < INDEX.words * 8) return 0
  const words = new Uint32Array(Uint8Array.from(bytes.subarray(0, INDEX.words * 8)).buffer)
  const [first, second] = [words.subarray(0, INDEX.words), words.subarray(INDEX.words)]
  // Where they differ, it died between the two.
  const isWhole = first[0] === INDEX.version && first.every((word, at) => word === second[at])
  return isWhole ? (first[INDEX.pagesAt] as number) : 0
}

/** SQLite reads the log up to the first page that is not as it was written. */
const countLoggedPages = (db: Database) =>
  (db.prepare('PRAGMA wal_checkpoint(NOOP)').get() as { log: number }).log

const describeLostLog = (file: string) =>
  `${file}-wal was removed, cut or damaged after the process before had died: what was written last is lost, and ` +
  'may have been acknowledged, unless the power has failed. Never remove it, nor copy the database without it: make ' +
  'back-ups with the command backup.'

/**
 * Rejects with what would end an opening of this file. Changes nothing, and may be used beside a
 * receiver that has it open. A file that is not there can be made.
 */
export async function tryToOpen(file: string): Promise<void> {
  try {
    await closing(openDriver(':memory:', { isReadOnly: false }), refuseUnsafeVersion)
    if (!existsSync(file)) return
    refuseReadOnly(file)
    await refuseStrangers(file)
    await closing(openForReading(file), (db) => {
      refuseDamage(db, file)
      const tables = `SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'`
      if (db.prepare(tables).get()) findMissing(db)
    })
  } catch (cause) {
    throw namingFile(translateError(cause), file)
  }
}

/** Works on a database that is closed whatever comes of it. */
export async function closing<Value>(
  opening: Promise<Database>,
  work: (db: Database) => Value,
): Promise<Value> {
  const db = await opening
  try {
    return work(db)
  } finally {
    db.close()
  }
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

/**
 * Nothing is changed in somebody else's database, nor in one that this version cannot read: so it
 * is looked at through a connection that cannot write.
 */
async function refuseStrangers(file: string): Promise<void> {
  refuseForeignLog(file)
  await closing(openDriver(file, { isReadOnly: true }), (db) => {
    // The last connection of the process before may be closing: it folds the log into the file.
    db.exec('PRAGMA busy_timeout = 2000')
    const tables = db.prepare('SELECT name FROM sqlite_schema').all() as { name: string }[]
    const has = (table: string) => tables.some(({ name }) => name === table)
    if (tables.length === 0 || has('schema_migrations')) return
    if (has('migrations') && isUnreleased(db)) {
      throw new ReceiverError('store_unreleased', { detail: file })
    }
    throw new ReceiverError('store_corrupt', { detail: `${file} is a database of something else` })
  })
}

/** In the file's header, whether it is written by way of a log: sqlite.org/fileformat.html. */
const WRITE_VERSION = { at: 18, withLog: 2 }

/**
 * A copy made by `backup` has no log. One that lies beside it is that of the database which was here before,
 * and SQLite would write it into the copy: they would be neither.
 */
function refuseForeignLog(file: string): void {
  const { size = 0 } = statSync(`${file}-wal`, { throwIfNoEntry: false }) ?? {}
  if (size === 0) return
  const header = Buffer.alloc(WRITE_VERSION.at + 1)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, header)
  } finally {
    closeSync(descriptor)
  }
  if (header.at(-1) === WRITE_VERSION.withLog || header[0] === 0) return
  throw new ReceiverError('store_corrupt', {
    detail: `${file} is a copy, and ${file}-wal belongs to the database that was here before; nothing was changed. Move ${file}-wal and ${file}-shm away and start again`,
  })
}

/** Version 0.1.0 kept the names of its own files in a table with a common name. */
function isUnreleased(db: Database): boolean {
  const find = (sql: string) => db.prepare(sql).get() !== undefined
  return (
    find(`SELECT 1 FROM pragma_table_info('migrations') WHERE name = 'name'`) &&
    find(`SELECT 1 FROM migrations WHERE name = '0001-tables.sql'`)
  )
}

/** Runs the numbered files that this database has not seen, each in one transaction. */
function migrate(db: Database): void {
  db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT, WITHOUT ROWID`)
  for (const name of findMissing(db)) {
    db.exec('BEGIN IMMEDIATE')
    db.prepare('INSERT INTO schema_migrations VALUES (?, ?)').run(name, Date.now())
    db.exec(readFileSync(`${MIGRATIONS}${name}`, 'utf8'))
    db.exec('COMMIT')
  }
}

/** The files that it has not seen. Throws where it has seen one that this version does not have. */
function findMissing(db: Database): string[] {
  const known = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  const applied = db.prepare('SELECT name FROM schema_migrations').all() as { name: string }[]
  const strange = applied.filter(({ name }) => !known.includes(name))
  if (strange.length > 0) {
    throw new ReceiverError('store_too_new', { detail: strange.map(({ name }) => name).join(', ') })
  }
  return known.filter((file) => !applied.some(({ name }) => name === file))
}

/** A new file is only found again after a power cut once its directory is on disk as well. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
