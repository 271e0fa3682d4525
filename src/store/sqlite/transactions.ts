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
  /**
   * Within a transaction: called once it is known whether what was written up to now is kept; if not,
   * what was added last is called first.
   */
  onEnd(ending: (isKept: boolean) => void): void
  /** Called in every transaction, before it is committed. */
  beforeCommit(flush: () => void): void
  /** For what cannot be done in a transaction; what it writes is on disk. */
  outside<Value>(work: () => Value): Value
}

/** The only place that opens transactions. */
export function createTransactions(
  db: Database,
  options: { onCommit?: (commit: StoreCommit) => void; elapsedMs?: () => number } = {},
): Transactions {
  const { onCommit = () => {}, elapsedMs = () => performance.now() } = options
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const flushes: (() => void)[] = []
  const endings = createEndings()
  let setSync: Sync | undefined

  function useSync(sync: Sync): void {
    if (sync === setSync) return
    db.exec(`PRAGMA synchronous = ${sync}`)
    setSync = sync
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
      endings.tell(true)
      const [durationMs, syncMs] = [endedAt - beganAt, endedAt - executedAt]
      onCommit({ isDurable: sync === 'FULL', durationMs, syncMs })
      return value
    } catch (cause) {
      rollBack(db)
      endings.tell(false)
      throw translateError(cause)
    }
  }

  function outside<Value>(work: () => Value): Value {
    try {
      useSync('FULL')
      return work()
    } catch (cause) {
      throw translateError(cause)
    }
  }

  return {
    run,
    apart: (work) => runApart(db, endings, work),
    outside,
    onEnd: endings.add,
    beforeCommit: (flush) => void flushes.push(flush),
  }
}

type Ending = (isKept: boolean) => void

/** Who wants to know whether a transaction is kept. */
function createEndings() {
  let endings: Ending[] = []
  return {
    add: (ending: Ending) => void endings.push(ending),
    count: () => endings.length,
    /** All of them, or those that were added behind so many. */
    tell(isKept: boolean, after = 0): void {
      const told = endings.slice(after)
      endings = endings.slice(0, after)
      for (const ending of isKept ? told : told.reverse()) ending(isKept)
    },
  }
}

function rollBack(db: Database): void {
  try {
    db.exec('ROLLBACK')
  } catch {
    // SQLite has rolled back by itself.
  }
}

function runApart<Value>(
  db: Database,
  endings: ReturnType<typeof createEndings>,
  work: () => Value,
): Value {
  db.exec('SAVEPOINT apart')
  const before = endings.count()
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
    endings.tell(false, before)
    throw error
  }
}

/**
 * What this process has in its hands, and since which opening. It alone has the file, so that needs no
 * row, and ends with it.
 */
export function createHeld<Name>({ onEnd }: Pick<Transactions, 'onEnd'>) {
  const held = new Map<Name, number>()
  return {
    count: () => held.size,
    fenceOf: (name: Name) => held.get(name),
    /** Within a transaction, like `letGo`, and only if that is kept. */
    hold(name: Name, fence: number): void {
      held.set(name, fence)
      onEnd((isKept) => {
        if (!isKept) held.delete(name)
      })
    },
    letGo(name: Name, fence: number): void {
      onEnd((isKept) => {
        if (isKept && held.get(name) === fence) held.delete(name)
      })
    },
  }
}

export type Held<Name> = ReturnType<typeof createHeld<Name>>
