import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ReceiverError } from '../../errors.ts'
import { type Database, openDriver, translateError } from './driver.ts'

const OWNER_ONLY = 0o600

/**
 * Copies the database of one moment into a new file, while a receiver works on it or not; answers
 * its size. Reads only. A file that is there already stays; a copy that fails leaves none.
 */
export async function backUp(file: string, target: string): Promise<{ readonly bytes: number }> {
  const unfinished = `${target}.unfinished`
  // The name is taken at once, by an empty file, so that nothing is ever overwritten.
  closeSync(openSync(target, 'wx', OWNER_ONLY))
  try {
    closeSync(openSync(unfinished, 'wx', OWNER_ONLY))
    await copyInto(file, unfinished)
    await refuseDamage(unfinished)
    sync(unfinished)
    renameSync(unfinished, target)
    sync(dirname(target))
    return { bytes: statSync(target).size }
  } catch (error) {
    rmSync(unfinished, { force: true })
    rmSync(target, { force: true })
    throw error
  }
}

async function copyInto(file: string, target: string): Promise<void> {
  await withDatabase(file, (db) => {
    db.exec('PRAGMA busy_timeout = 5000')
    refuseStranger(db, file)
    db.prepare('VACUUM INTO ?').run(target)
  })
}

/** A copy of it would pass every check, and be found out when it is needed. */
function refuseStranger(db: Database, file: string): void {
  const columns = db
    .prepare(
      `SELECT 1 FROM pragma_table_info('schema_migrations') WHERE name IN ('name', 'applied_at')`,
    )
    .all()
  if (columns.length === 2) return
  throw new ReceiverError('store_corrupt', {
    detail: `${file} is not the database of a receiver`,
  })
}

/** Every page, every index: a copy that cannot be restored is none. */
async function refuseDamage(file: string): Promise<void> {
  await withDatabase(file, (db) => {
    const row = db.prepare('PRAGMA integrity_check(1)').get() as { integrity_check: string }
    if (row.integrity_check === 'ok') return
    throw new ReceiverError('store_corrupt', { detail: row.integrity_check })
  })
}

async function withDatabase(file: string, work: (db: Database) => void): Promise<void> {
  let db: Database | undefined
  try {
    db = await openDriver(file, { isReadOnly: true })
    work(db)
  } catch (error) {
    throw translateError(error)
  } finally {
    db?.close()
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
