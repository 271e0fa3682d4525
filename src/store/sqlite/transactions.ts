import type { StoreCommit } from '../store.ts'
import { type Database, translateError } from './driver.ts'

/**
 * What a commit waits for. `FULL`: the disk has it. `NORMAL`: the operating system has it, so it
 * outlives the process; a power cut may take the newest such commits back, never older ones only.
 */
export type Sync = 'FULL' | 'NORMAL'

export interface Transactions {
  /** Does the work in one transaction. Throws a ReceiverError when nothing of it was kept. */
  run<Value>(sync: Sync, work: () => Value): Value
  /** Within a transaction: what fails is undone by itself. Throws a ReceiverError then. */
  apart<Value>(work: () => Value): Value
  /** Within a transaction: called once it is known whether what was written up to now is kept. */
  onEnd(ending: (isKept: boolean) => void): void
  /** Called in every transaction, before it is committed. */
  beforeCommit(flush: () => void): void
  /** For work that opens transactions of its own; afterwards the setting is unknown here. */
  outside<Value>(sync: Sync, work: () => Value): Value
}

/** The only place that opens transactions, but for work that is handed to `outside`. */
export function createTransactions(
  db: Database,
  options: { onCommit?: (commit: StoreCommit) => void; elapsedMs?: () => number } = {},
): Transactions {
  const { onCommit = () => {}, elapsedMs = () => performance.now() } = options
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const flushes: (() => void)[] = []
  let endings: ((isKept: boolean) => void)[] = []
  let setSync: Sync | undefined

  function useSync(sync: Sync): void {
    if (sync === setSync) return
    db.exec(`PRAGMA synchronous = ${sync}`)
    setSync = sync
  }

  function end(isKept: boolean): void {
    const ended = endings
    endings = []
    for (const ending of ended) ending(isKept)
  }

  function run<Value>(sync: Sync, work: () => Value): Value {
    const beganAt = elapsedMs()
    try {
      useSync(sync)
      begin.run()
      const value = work()
      for (const flush of flushes) flush()
      const executedAt = elapsedMs()
      commit.run()
      const endedAt = elapsedMs()
      end(true)
      onCommit({
        isDurable: sync === 'FULL',
        durationMs: endedAt - beganAt,
        syncMs: endedAt - executedAt,
      })
      return value
    } catch (cause) {
      rollBack()
      end(false)
      throw translateError(cause)
    }
  }

  function rollBack(): void {
    try {
      db.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself.
    }
  }

  function apart<Value>(work: () => Value): Value {
    db.exec('SAVEPOINT apart')
    const before = endings.length
    try {
      const value = work()
      db.exec('RELEASE apart')
      return value
    } catch (cause) {
      const error = translateError(cause)
      try {
        db.exec('ROLLBACK TO apart; RELEASE apart')
      } catch {
        // A full disk has ended the whole transaction: all of it has failed, for this reason.
        throw error
      }
      for (const ending of endings.splice(before)) ending(false)
      throw error
    }
  }

  function outside<Value>(sync: Sync, work: () => Value): Value {
    try {
      useSync(sync)
      return work()
    } catch (cause) {
      throw translateError(cause)
    } finally {
      setSync = undefined
    }
  }

  return {
    run,
    apart,
    outside,
    onEnd: (ending) => void endings.push(ending),
    beforeCommit: (flush) => void flushes.push(flush),
  }
}
