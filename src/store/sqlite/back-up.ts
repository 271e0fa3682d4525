import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ReceiverError } from '../../errors.ts'
import { type Database, openDriver, translateError } from './driver.ts'
import { closing, syncPath } from './open-database.ts'

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
    await look(file, (db) => {
      db.exec('PRAGMA busy_timeout = 5000')
      refuseStranger(db, file)
      db.prepare('VACUUM INTO ?').run(unfinished)
    })
    await look(unfinished, refuseDamage)
    syncPath(unfinished)
    renameSync(unfinished, target)
    syncPath(dirname(target))
    return { bytes: statSync(target).size }
  } catch (error) {
    rmSync(unfinished, { force: true })
    rmSync(target, { force: true })
    throw error
  }
}

async function look(file: string, work: (db: Database) => void): Promise<void> {
  try {
    await closing(openDriver(file, { isReadOnly: true }), work)
  } catch (error) {
    throw translateError(error)
  }
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
function refuseDamage(db: Database): void {
  const row = db.prepare('PRAGMA integrity_check(1)').get() as { integrity_check: string }
  if (row.integrity_check === 'ok') return
  throw new ReceiverError('store_corrupt', { detail: row.integrity_check })
}
