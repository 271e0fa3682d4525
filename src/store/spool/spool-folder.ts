import { stat, statfs } from 'node:fs/promises'
import { ReceiverError } from '../../errors.ts'
import type { Batch } from '../../model.ts'
import type { StartTimer } from '../../timers.ts'
import type { Archive } from '../store.ts'
import type { BatchFiles, OnSetAside, SpooledBatch } from './batch-files.ts'
import { toReceiverError, within } from './breaker.ts'

/** Part of the ten seconds in which a request is answered. */
const APPEND_LIMIT_MS = 2_000

export interface SpoolFolderOptions {
  readonly directory: string
  readonly openFiles: (directory: string, onSetAside: OnSetAside) => Promise<BatchFiles>
  readonly startTimer: StartTimer
  readonly onSetAside: OnSetAside
  readonly onFailed: (error: ReceiverError) => void
  readonly onRecovered: () => void
}

/** The folder that keeps batches while the shared store is away; it may fail, and be mended. */
export function createSpoolFolder(options: SpoolFolderOptions) {
  const { directory, openFiles, startTimer, onSetAside, onFailed, onRecovered } = options
  let files: BatchFiles | undefined
  /** Whose the batch is that was taken last: files that were opened anew may give its number again. */
  let takenFrom: BatchFiles | undefined
  let failure: ReceiverError | undefined
  let isClosed = false
  let refused = 0

  function fail(cause: unknown): ReceiverError {
    const error = toReceiverError(cause)
    if (isClosed || error.code === 'store_refused') return error
    const isKnown = failure?.code === error.code
    failure = error
    if (!isKnown) onFailed(error)
    return error
  }

  function recover(): void {
    if (failure === undefined) return
    failure = undefined
    onRecovered()
  }

  async function openAnew(): Promise<void> {
    files?.close()
    files = undefined
    const opened = await openFiles(directory, onSetAside)
    if (isClosed) return opened.close()
    files = opened
    refused = 0
  }

  return {
    /**
     * Rejects only when another process works on the directory, or SQLite is too old; whatever else
     * fails is tried again by `mend`.
     */
    async open(): Promise<void> {
      try {
        await openAnew()
      } catch (error) {
        const { code } = toReceiverError(error)
        if (code === 'store_locked' || code === 'store_too_old') throw error
        fail(error)
      }
    },
    async append(batch: Batch): Promise<void> {
      try {
        if (!files) throw failure ?? new ReceiverError('store_busy', { detail: 'not open' })
        await within(files.append(batch), { limitMs: APPEND_LIMIT_MS, startTimer })
        recover()
      } catch (error) {
        throw fail(error)
      }
    },
    /** The oldest batch that was not taken before; undefined also when it cannot be read. */
    async take(): Promise<SpooledBatch | undefined> {
      takenFrom = files
      return await files?.take().catch((error) => void fail(error))
    },
    /**
     * The shared store has the batch that was taken last. Should it stay, it is drained again, which adds
     * nothing.
     */
    async drop(batch: SpooledBatch): Promise<void> {
      if (takenFrom === files) await files?.drop(batch).catch((error) => void fail(error))
    },
    /** The shared store refuses it: it stays, and the next process will try it again. */
    leave(): void {
      refused++
    },
    /** Tries to be able to keep batches again; answers whether it is. */
    async mend(): Promise<boolean> {
      if (!failure) return true
      try {
        if (files && failure.code !== 'store_gone') await files.probe()
        else await openAnew()
        recover()
      } catch (error) {
        fail(error)
      }
      return failure === undefined
    },
    findWaiting: async (...asked: Parameters<Archive['findWaiting']>) =>
      (await files?.findWaiting(...asked)) ?? [],
    close(): void {
      isClosed = true
      files?.close()
    },
    failure: () => failure,
    /** Batches in it; `refused` of them stay. */
    counts: () => ({ waiting: files?.count() ?? 0, refused }),
    bytes: () => files?.bytes() ?? 0,
  }
}

export type SpoolFolder = ReturnType<typeof createSpoolFolder>

/** How full the disk of this directory is, as `df` counts: what only root may use is not free. */
export async function readUsedPercent(directory: string): Promise<number> {
  const { blocks, bfree, bavail } = await statfs(directory)
  const used = blocks - bfree
  return Math.ceil((used / Math.max(1, used + bavail)) * 100)
}

/** File systems of which containers make their own layer: overlay, aufs, and overlay by FUSE. */
const LAYERED: ReadonlySet<number> = new Set([0x794c7630, 0x61756673, 0x65735546])

/** How places are asked for; tests have no container. */
interface Places {
  stat(path: string): Promise<{ dev: number }>
  statfs(path: string): Promise<{ type: number }>
}

/** Whether this directory is on the layer that is thrown away with its container. */
export async function isOnContainerLayer(
  directory: string,
  places: Places = { stat, statfs },
): Promise<boolean> {
  const [own, root, { type }] = await Promise.all([
    places.stat(directory),
    places.stat('/'),
    places.statfs('/'),
  ])
  return own.dev === root.dev && LAYERED.has(type)
}
