import { statSync } from 'node:fs'
import { ReceiverError } from '../../errors.ts'
import type { Batch } from '../../model.ts'
import type { Journal, OpenBatch, Store } from '../store.ts'
import { removeSpool, setAside, spoolPath } from './spool-files.ts'
import { type StartTimer, toReceiverError, within } from './within.ts'

/** Part of the ten seconds in which a request is answered. */
const APPEND_LIMIT_MS = 2_000

/** A batch is taken once; this process is alone on the file, and leases end with it. */
const FOREVER_MS = Number.MAX_SAFE_INTEGER

export type LocalStore = Pick<
  Store,
  'append' | 'takeBatch' | 'commitChunk' | 'prune' | 'probe' | 'stats' | 'findWaiting' | 'close'
>

export interface SpoolFileOptions {
  readonly directory: string
  readonly openLocal: (file: string) => Promise<LocalStore>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly startTimer: StartTimer
  readonly onSetAside: (file: string, reason: ReceiverError) => void
  readonly onFailed: (error: ReceiverError) => void
  readonly onRecovered: () => void
}

/** The file that keeps batches while the shared store is away, and is begun anew when it can be. */
export interface SpoolFile extends Journal {
  /**
   * Rejects only when another process works on the directory, or SQLite is too old; a file that
   * cannot be used is moved aside, and whatever else fails is tried again by `mend`.
   */
  open(): Promise<void>
  /** The oldest batch that was not taken before; undefined also when it cannot be read. */
  take(): Promise<OpenBatch | undefined>
  /** The shared store has it. */
  drop(batch: OpenBatch): Promise<void>
  /** The shared store refuses it: it stays, and the next process will try it again. */
  leave(): void
  /** Lets go of what is no longer needed. Does nothing while a batch may wait. */
  tidy(): Promise<void>
  /** Tries to be able to keep batches again; answers whether it is. */
  mend(): Promise<boolean>
  /** Of the batches in it, those that hold one of the traces. */
  findWaiting: Store['findWaiting']
  close(): Promise<void>
  failure(): ReceiverError | undefined
  /** Batches in it; `refused` of them stay. */
  counts(): { readonly waiting: number; readonly refused: number }
}

export function createSpoolFile(options: SpoolFileOptions): SpoolFile {
  const { directory, openLocal, now, startTimer, onSetAside, onFailed, onRecovered } = options
  const path = spoolPath(directory)
  let store: LocalStore | undefined
  let reopening: Promise<void> | undefined
  let failure: ReceiverError | undefined
  let isClosed = false
  let waiting = 0
  let refused = 0
  let appends = { begun: 0, ended: 0 }
  /** No batch can be in the file but those that were refused. */
  let isEmpty = false
  /** Nothing was written to the file since it was begun or pruned. */
  let isTidy = false

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
      waiting = isOld ? await countWaiting(opened, path) : 0
    } catch (error) {
      await opened.close()
      throw error
    }
    store = opened
    refused = 0
    appends = { begun: 0, ended: 0 }
    isEmpty = !isOld
    isTidy = !isOld
  }

  /**
   * Begins another file; appends wait until it is over. The old one is put away while it is still
   * open, and the directory therefore ours; SQLite lets alone what it no longer finds there.
   */
  async function reopen(putAway: () => void): Promise<void> {
    const old = store
    store = undefined
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
    if (!store) throw failure ?? new ReceiverError('store_busy', { detail: 'not open' })
    const used = store
    const count = appends
    count.begun++
    isEmpty = false
    isTidy = false
    try {
      await used.append(batch)
    } finally {
      count.ended++
    }
    // Nobody drains a file that was set aside meanwhile.
    if (used !== store) throw new ReceiverError('store_busy', { detail: 'a new spool is begun' })
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

  async function take(): Promise<OpenBatch | undefined> {
    if (!store) return undefined
    const { begun, ended } = appends
    try {
      const batch = await store.takeBatch(FOREVER_MS)
      isEmpty = !batch && begun === ended && begun === appends.begun
      return batch
    } catch (error) {
      fail(error)
      return undefined
    }
  }

  async function drop({ id, unpackedPieces: piece }: OpenBatch): Promise<void> {
    waiting = Math.max(0, waiting - 1)
    const chunk = { batch: id, fromPiece: piece, toPiece: piece, isLast: true }
    // Should it stay, the next process drains it a second time, which adds nothing.
    await store?.commitChunk({ ...chunk, events: [], unreadable: [] }).catch(fail)
  }

  async function tidy(): Promise<void> {
    if (isTidy || !isEmpty || !store) return
    if (refused === 0) return reopen(() => removeSpool(directory))
    const all = Number.MAX_SAFE_INTEGER
    const request = { eventsBefore: all, deadBefore: all, keysBefore: all }
    const receipt = await store.prune(request).catch(fail)
    isTidy = receipt?.isDone ?? false
  }

  async function mend(): Promise<boolean> {
    const error = failure
    if (!error) return true
    if (!store || error.code === 'store_gone') await reopen(() => {})
    else if (isUnusable(error)) await reopen(() => onSetAside(setAside(directory, now()), error))
    else await store.probe().then(recover, fail)
    return failure === undefined
  }

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
    if (!store) return
    if (isEmpty && refused === 0) removeSpool(directory)
    await store.close()
  }

  return {
    append,
    open,
    take,
    drop,
    leave: () => {
      refused++
    },
    tidy,
    mend,
    // Between two files there is nothing.
    findWaiting: async (traces, among) => (await store?.findWaiting(traces, among)) ?? [],
    close,
    failure: () => failure,
    counts: () => ({ waiting, refused }),
  }
}

/** Asks a file that was there before; what holds more than a journal is something else's. */
async function countWaiting(store: LocalStore, path: string): Promise<number> {
  const { batches, events, quarantined } = await store.stats()
  if (events.total + quarantined === 0) return batches.waiting
  throw new ReceiverError('store_corrupt', { detail: `${path} is the database of a receiver` })
}

function isUnusable({ code }: ReceiverError): boolean {
  return code === 'store_corrupt' || code === 'store_too_new'
}

function isForTheOperator({ code }: ReceiverError): boolean {
  return code === 'store_locked' || code === 'store_too_old'
}
