import type { Database } from './driver.ts'

/** What one step overwrites; acknowledgements wait for it. */
const STEP_BYTES = 1024 * 1024

/** `free`: part of the free pages. `log`: begins the log anew. `all`: writes the whole file anew. */
export type WipeStep = 'free' | 'log' | 'all'

/**
 * Deleted rows leave their bytes on pages that are free. They are overwritten by using them: with
 * nothing but zeros, a megabyte at a time, so that no request waits long. Runs outside of
 * transactions; an interrupted one is cleaned up by the next.
 */
export function createWiping(db: Database) {
  const readPageSize = db.prepare('PRAGMA page_size')
  const readFree = db.prepare('PRAGMA freelist_count')
  let phase: 'begin' | 'fill' | 'let go' = 'begin'

  const freePages = () => (readFree.get() as { freelist_count: number }).freelist_count

  function inTransaction<Value>(work: () => Value): Value {
    db.exec('PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE')
    try {
      const value = work()
      db.exec('COMMIT')
      return value
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }

  function fill(): void {
    const { page_size: pageBytes } = readPageSize.get() as { page_size: number }
    const bytes = Math.min(freePages() * pageBytes, STEP_BYTES)
    if (bytes === 0) phase = 'let go'
    else db.prepare('INSERT INTO wiped VALUES (zeroblob(?))').run(bytes)
  }

  /** Answers whether nothing is left of the zeros. */
  function letGo(): boolean {
    db.exec('DELETE FROM wiped WHERE rowid IN (SELECT rowid FROM wiped LIMIT 16)')
    if (db.prepare('SELECT 1 FROM wiped').get() !== undefined) return false
    db.exec('DROP TABLE wiped')
    phase = 'begin'
    return true
  }

  function wipeFree(): boolean {
    return inTransaction(() => {
      if (phase === 'begin') {
        db.exec('CREATE TABLE IF NOT EXISTS wiped (zeros BLOB) STRICT')
        phase = 'fill'
      }
      if (phase === 'let go') return letGo()
      fill()
      return false
    })
  }

  function beginLog(): boolean {
    const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number }
    return busy === 0
  }

  function rewrite(): boolean {
    db.exec('PRAGMA synchronous = FULL; VACUUM')
    return true
  }

  const steps = { free: wipeFree, log: beginLog, all: rewrite } as const

  /** Answers whether this kind of step is done; else it has to be asked again. */
  return { wipe: (step: WipeStep): boolean => steps[step]() }
}
