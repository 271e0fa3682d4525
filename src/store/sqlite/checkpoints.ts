import { Worker } from 'node:worker_threads'
import { entryPoint } from '../../entry-point.ts'
import { type Database, translateError } from './driver.ts'

/**
 * One number that the thread that writes and the thread that checkpoints share. It is memory and
 * not messages because neither goes back to its event loop while it is busy.
 */
export type SharedSignal = Int32Array<SharedArrayBuffer>

/** What the thread that checkpoints is given. */
export interface CheckpointThreadData {
  readonly file: string
  readonly signal: SharedSignal
}

/** Its values. The side that writes sets `DUE` and `ENDING`, the side that checkpoints the others. */
export const SIGNAL = { IDLE: 0, DUE: 1, BROKEN: 2, ENDING: 3, ENDED: 4 } as const

/**
 * Commits leave pages in the log; from this many on they are moved into the database. The sync of
 * more of them holds up those of commits for longer. Fewer are moved in a few milliseconds, by the
 * thread that writes.
 */
const DUE_PAGES = 300
/**
 * A log of this many pages, 128 MB, is to begin anew, which takes a moment with all of them moved: of half as many it
 * comes twice as often. The file keeps this size, as a sync takes longer where it grows.
 */
export const LONG_LOG_PAGES = 32_768
/** With this many left the other thread does not keep up, or has died. */
const TOO_MANY_PAGES = 64_000

/** A checkpoint writes some ten megabytes; a thread that takes longer to end is given up. */
const END_TIMEOUT_MS = 5_000

/** The heap holds next to nothing; the pages go through SQLite's own memory. */
const HEAP_MB = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 }

/**
 * Moves what was committed from the log into the database. Mostly in a thread of its own, so that
 * no acknowledgement waits for it; the last few pages here, because only then can the log begin
 * anew while commits go on and on.
 */
export function createCheckpoints(db: Database, file: string) {
  const readLog = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const checkpoint = prepareCheckpoint(db)
  const signal: SharedSignal = new Int32Array(new SharedArrayBuffer(4))
  let worker: Worker | undefined
  let hasFailedSync = false

  /** Only when there is something to move: a store that keeps little never needs it. */
  function startThread(): Worker {
    const { url, execArgv } = entryPoint('store/sqlite/checkpoint-thread')
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
    Atomics.store(signal, 0, SIGNAL.DUE)
    Atomics.notify(signal, 0)
  }

  function checkpointHere(): void {
    hasFailedSync ||= checkpoint() === 'broken'
  }

  return {
    /** A sync has failed: nothing that was written since the one before it can be trusted. */
    isBroken: () => hasFailedSync || Atomics.load(signal, 0) === SIGNAL.BROKEN,
    /** To be called when nobody waits for the commit before it. */
    runIfDue(): void {
      const { log, checkpointed } = readLog.get() as { log: number; checkpointed: number }
      const left = log - checkpointed
      if (left >= TOO_MANY_PAGES) checkpointHere()
      else if (Atomics.load(signal, 0) !== SIGNAL.IDLE) return
      else if (left >= DUE_PAGES) checkpointThere()
      else if (log >= LONG_LOG_PAGES && left > 0) checkpointHere()
    },
    /** Returns when the other thread has closed its connection. */
    end(): void {
      if (!worker) return
      Atomics.wait(signal, 0, SIGNAL.DUE, END_TIMEOUT_MS)
      Atomics.store(signal, 0, SIGNAL.ENDING)
      Atomics.notify(signal, 0)
      Atomics.wait(signal, 0, SIGNAL.ENDING, END_TIMEOUT_MS)
    },
  }
}

/** What it fails to move stays in the log, where it is safe, and is tried again; only a failed sync is the end. */
export function prepareCheckpoint(db: Database): () => 'good' | 'broken' {
  const statement = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  return () => {
    try {
      statement.get()
      return 'good'
    } catch (cause) {
      return translateError(cause).code === 'store_broken' ? 'broken' : 'good'
    }
  }
}
