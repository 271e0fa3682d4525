import { statSync } from 'node:fs'
import { ReceiverError } from '../../errors.ts'
import type { Batch } from '../../model.ts'
import type { StartTimer } from '../../timers.ts'
import type { LocalJournal, SpooledBatch } from '../local-journal.ts'
import type { Archive } from '../store.ts'
import { toReceiverError, within } from './breaker.ts'
import { removeSpool, setAside, spoolPath } from './spool-disk.ts'

/** Part of the ten seconds in which a request is answered. */
const APPEND_LIMIT_MS = 2_000

export interface SpoolFileOptions {
  readonly directory: string
  readonly openLocal: (file: string) => Promise<LocalJournal>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly startTimer: StartTimer
  readonly onSetAside: (file: string, reason: ReceiverError) => void
  readonly onFailed: (error: ReceiverError) => void
  readonly onRecovered: () => void
}

/** The file that keeps batches while the shared store is away, and is begun anew when it can be. */
export function createSpoolFile(options: SpoolFileOptions) {
  const { directory, openLocal, now, startTimer, onSetAside, onFailed, onRecovered } = options
  const path = spoolPath(directory)
  let journal: LocalJournal | undefined
  let reopening: Promise<void> | undefined
  let failure: ReceiverError | undefined
  let isClosed = false
  let waiting = 0
  let refused = 0
  let appending = 0
  /** Nothing was written to the file since it was begun. */
  let isTidy = false
  /** Of the newest batch that was taken. */
  let takenSeq = 0

  function fail(cause: unknown): void {
    const error = toReceiverError(cause)
    if (isClosed || error.code === 'store_refused') return
    const isKnown = failure?.code === error.code
    failure = error
    if (!isKnown) onFailed(error)
  }

  function recover(): void {
    if (failure === undefined) return
    failure = undefined
    onRecovered()
  }

  async function openUsable(): Promise<void> {
    const isOld = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0
    try {
      await openOnce(isOld)
    } catch (error) {
      if (!isOld || !(error instanceof ReceiverError && isUnusable(error))) throw error
      onSetAside(setAside(directory, now()), error)
      await openOnce(false)
    }
  }

  async function openOnce(isOld: boolean): Promise<void> {
    const opened = await openLocal(path)
    try {
      waiting = isOld ? await opened.count() : 0
    } catch (error) {
      await opened.close()
      throw error
    }
    journal = opened
    refused = 0
    takenSeq = 0
    isTidy = !isOld
  }

  /**
   * Begins another file; appends wait until it is over. The old one is put away while it is still
   * open, and the directory therefore ours; SQLite lets alone what it no longer finds there.
   */
  async function reopen(putAway: () => void): Promise<void> {
    const old = journal
    journal = undefined
    async function closeAndOpen(): Promise<void> {
      if (old) putAway()
      await old?.close()
      await openUsable()
    }
    reopening = closeAndOpen()
      .then(recover, fail)
      .finally(() => {
        reopening = undefined
      })
    await reopening
  }

  async function keep(batch: Batch): Promise<void> {
    while (reopening !== undefined) await reopening
    if (!journal) throw failure ?? new ReceiverError('store_busy', { detail: 'not open' })
    const used = journal
    appending++
    isTidy = false
    try {
      await used.append(batch)
    } finally {
      appending--
    }
    // Nobody drains a file that was set aside meanwhile.
    if (used !== journal) throw new ReceiverError('store_busy', { detail: 'a new spool is begun' })
    waiting++
  }

  async function append(batch: Batch): Promise<void> {
    try {
      await within(keep(batch), { limitMs: APPEND_LIMIT_MS, startTimer })
      recover()
    } catch (error) {
      if (reopening === undefined) fail(error)
      throw toReceiverError(error)
    }
  }

  /** The oldest batch that was not taken before; undefined also when it cannot be read. */
  async function take(): Promise<SpooledBatch | undefined> {
    try {
      const batch = await journal?.take(takenSeq)
      if (batch) takenSeq = batch.seq
      return batch
    } catch (error) {
      fail(error)
      return undefined
    }
  }

  /** No batch is in the file, or on its way there, of which the shared store does not know. */
  const isEmpty = () => waiting === 0 && appending === 0

  /** The shared store has it. */
  async function drop({ seq }: SpooledBatch): Promise<void> {
    waiting = Math.max(0, waiting - 1)
    // Should it stay, the next process drains it a second time, which adds nothing.
    await journal?.drop(seq).catch(fail)
  }

  /** Does nothing while a batch may wait. Rows are gone already; with the file goes what they have left in it. */
  async function tidy(): Promise<void> {
    if (journal && !isTidy && isEmpty()) await reopen(() => removeSpool(directory))
  }

  /** Tries to be able to keep batches again; answers whether it is. */
  async function mend(): Promise<boolean> {
    const error = failure
    if (!error) return true
    if (!journal || error.code === 'store_gone') await reopen(() => {})
    else if (isUnusable(error)) await reopen(() => onSetAside(setAside(directory, now()), error))
    else await journal.probe().then(recover, fail)
    return failure === undefined
  }

  /**
   * Rejects only when another process works on the directory, or SQLite is too old; a file that
   * cannot be used is moved aside, and whatever else fails is tried again by `mend`.
   */
  async function open(): Promise<void> {
    try {
      await openUsable()
    } catch (error) {
      if (error instanceof ReceiverError && isForTheOperator(error)) throw error
      fail(error)
    }
  }

  async function close(): Promise<void> {
    isClosed = true
    await reopening
    if (!journal) return
    if (isEmpty()) removeSpool(directory)
    await journal.close()
  }

  return {
    append,
    open,
    take,
    drop,
    /** The shared store refuses it: it stays, and the next process will try it again. */
    leave: () => {
      refused++
    },
    tidy,
    mend,
    // Between two files there is nothing.
    findWaiting: async (...asked: Parameters<Archive['findWaiting']>) =>
      (await journal?.findWaiting(...asked)) ?? [],
    close,
    failure: () => failure,
    /** Batches in it; `refused` of them stay. */
    counts: () => ({ waiting, refused }),
  }
}

export type SpoolFile = ReturnType<typeof createSpoolFile>

/** Damaged, of a newer version, of version 0.1.0, or something else's. */
function isUnusable({ code }: ReceiverError): boolean {
  return ['store_corrupt', 'store_too_new', 'store_unreleased'].includes(code)
}

function isForTheOperator({ code }: ReceiverError): boolean {
  return code === 'store_locked' || code === 'store_too_old'
}
