import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ReceiverError } from '../../errors.ts'
import type { StoreCommit } from '../store.ts'
import { createCheckpoints } from './checkpoints.ts'
import { lockFileOf } from './data-lock.ts'
import { type Database, translateError } from './driver.ts'
import { createTransactions, type Sync } from './transactions.ts'

export interface OpenFile {
  readonly file: string
  readonly db: Database
  readonly lock: Database
}

/** Lets nothing be done any more once the store has failed or is closed. */
export function createGuard(
  { file, db, lock }: OpenFile,
  options: { onCommit?: (commit: StoreCommit) => void; elapsedMs: () => number },
) {
  const transactions = createTransactions(db, options)
  const checkpoints = createCheckpoints(db, file)
  const failure = createStoreFailure([file, `${file}-wal`, lockFileOf(dirname(file))], {
    hasFailedSync: () => checkpoints.isBroken(),
  })
  let isClosed = false

  function refuse(error: ReceiverError | undefined): void {
    if (isClosed) throw new ReceiverError('store_closed')
    if (error) throw error
  }

  function noting<Value>(work: () => Value): Value {
    refuse(failure.known())
    try {
      return work()
    } catch (cause) {
      const error = translateError(cause)
      failure.note(error)
      throw error
    }
  }

  return {
    transactions,
    /** Looks as `write` does, which takes some microseconds; other reads know what was found last. */
    look: () => refuse(failure.find()),
    read: noting,
    write<Value>(sync: Sync, work: () => Value): Value {
      const value = noting(() => transactions.run(sync, work))
      // After the commit: what is acknowledged was in its place when it was on disk.
      refuse(failure.find())
      return value
    },
    outside: <Value>(work: () => Value) => noting(() => transactions.outside(work)),
    checkpointIfDue(): void {
      if (!isClosed && !failure.known()) checkpoints.runIfDue()
    },
    close(): void {
      if (isClosed) return
      isClosed = true
      checkpoints.end()
      db.close()
      lock.close()
    },
  }
}

/**
 * Remembers the first failure that nothing can mend: a failed sync, after which nothing that was
 * written since the one before can be trusted, or files that are not in their place any more.
 */
function createStoreFailure(
  paths: readonly string[],
  { hasFailedSync }: { hasFailedSync: () => boolean },
) {
  const findMoved = rememberPlaces(paths)
  let failure: ReceiverError | undefined

  function look(): ReceiverError | undefined {
    if (hasFailedSync()) {
      return new ReceiverError('store_broken', { detail: 'A checkpoint could not be synced.' })
    }
    const path = findMoved()
    return path === undefined ? undefined : new ReceiverError('store_gone', { detail: path })
  }

  return {
    /** Looks, which takes some microseconds; once there is a failure it stays. */
    find() {
      failure ??= look()
      return failure
    },
    /** What was found before. */
    known: () => failure,
    /** Of errors that were thrown only a failed sync is the end. */
    note(error: unknown) {
      if (error instanceof ReceiverError && error.code === 'store_broken') failure ??= error
    },
  }
}

/**
 * Remembers which files lie at these paths; the answer names a path that leads to another one or to
 * none by then. An open file goes on being written to after its name is gone, and what is written
 * is lost with the process.
 */
function rememberPlaces(paths: readonly string[]): () => string | undefined {
  const before = paths.map(identify)
  return () => {
    for (const [index, path] of paths.entries()) {
      const now = identify(path)
      if (now !== undefined && now !== before[index]) return path
    }
    return undefined
  }
}

/**
 * Undefined: nobody may look, which is no absence. Takes 2 µs. Big integers, as a number cannot tell
 * the largest of the file numbers apart.
 */
function identify(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev} ${ino}`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'none' : undefined
  }
}
