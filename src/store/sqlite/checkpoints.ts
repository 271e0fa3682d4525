import { Worker } from 'node:worker_threads'
import { entryPoint } from '../../entry-point.ts'
import { askThrough, createSignal } from './checkpoint-signal.ts'
import type { CheckpointThreadData } from './checkpoint-thread.ts'
import { type Database, translateError } from './driver.ts'

/** Commits leave pages in the log; from this many on they are moved into the database. */
const DUE_PAGES = 4_000
/** A log of this many pages is to begin anew, which takes a moment with all of them moved. */
const LONG_LOG_PAGES = 16_000
/** So few are moved in a few milliseconds, by the thread that writes. */
const FEW_PAGES = 1_000
/** With this many left the other thread does not keep up, or has died. */
const TOO_MANY_PAGES = 64_000

/** The heap holds next to nothing; the pages go through SQLite's own memory. */
const HEAP_MB = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 }

/**
 * Moves what was committed from the log into the database. Mostly in a thread of its own, so that
 * no acknowledgement waits for it; the last few pages here, because only then can the log begin
 * anew while commits go on and on.
 */
export function createCheckpoints(db: Database, file: string) {
  const readLog = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  const signal = createSignal()
  const thread = askThrough(signal)
  let worker: Worker | undefined

  /** Only when there is something to move: a store that keeps little never needs it. */
  function startThread(): Worker {
    const { url, execArgv } = entryPoint('./checkpoint-thread', import.meta.url)
    const started = new Worker(url, {
      workerData: { file, signal } satisfies CheckpointThreadData,
      execArgv: [...execArgv],
      resourceLimits: HEAP_MB,
    })
    // Without the thread this one checkpoints, only later and slower.
    started.on('error', () => {})
    return started
  }

  function checkpointThere(): void {
    worker ??= startThread()
    thread.ask()
  }

  let hasFailedSync = false

  /** What it fails to move stays in the log, where it is safe; only a failed sync is the end. */
  function checkpointHere(): void {
    try {
      checkpoint.get()
    } catch (cause) {
      hasFailedSync = translateError(cause).code === 'store_broken'
    }
  }

  return {
    /** A sync has failed: nothing that was written since the one before it can be trusted. */
    isBroken: () => hasFailedSync || thread.isBroken(),
    /** To be called when nobody waits for the commit before it. */
    runIfDue(): void {
      const { log, checkpointed } = readLog.get() as { log: number; checkpointed: number }
      const left = log - checkpointed
      const isLong = log >= LONG_LOG_PAGES
      if (left >= TOO_MANY_PAGES) checkpointHere()
      else if (!thread.isIdle()) return
      else if (isLong && left > 0 && left <= FEW_PAGES) checkpointHere()
      else if (left >= DUE_PAGES || (isLong && left > FEW_PAGES)) checkpointThere()
    },
    end(): void {
      if (worker) thread.end()
    },
  }
}
