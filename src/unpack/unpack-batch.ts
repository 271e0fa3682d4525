import type { Redaction } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import type { Provider } from '../providers/provider.ts'
import type { ChunkReceipt, OpenBatch, Store } from '../store/store.ts'
import { addReceipts, commitChunk, isStoreTrouble, NO_RECEIPT } from './commit-chunk.ts'
import { describeFailure } from './describe-failure.ts'
import type { Routes } from './make-event.ts'
import { quarantineBody, type ReadOptions, readBatch } from './read-batch.ts'

export interface BatchContext {
  readonly store: Pick<Store, 'commitChunk' | 'probe'>
  readonly provider: Provider
  readonly routes: Routes
  readonly redaction?: Redaction | undefined
  readonly log: Pick<Observer, 'unpackFailed'>
  /** Whether to leave off after the chunk under way. */
  isStopping(): boolean
  /** Waits, the longer the more failures there were. */
  backOff(failures: number): Promise<void>
}

/** What this process has committed of a batch. */
interface Progress {
  nextPiece: number
  receipt: ChunkReceipt
}

const MAX_FAILURES = 3

/**
 * Unpacks a batch to its end, waiting as long as the store takes nothing at all. Undefined when it
 * was left to somebody else or to a later time: its lease then ends by itself. Pieces that our own
 * code fails on again and again go to quarantine, or the whole batch as it is if that is of no use:
 * it would come back for ever.
 */
export async function unpackBatch(
  batch: OpenBatch,
  context: BatchContext,
): Promise<ChunkReceipt | undefined> {
  const progress: Progress = { nextPiece: batch.unpackedPieces, receipt: NO_RECEIPT }
  let failures = 0
  for (;;) {
    const { nextPiece } = progress
    try {
      const keepsFailures = failures >= MAX_FAILURES - 1
      return await unpackRest(batch, progress, { ...context, keepsFailures })
    } catch (error) {
      context.log.unpackFailed({ batch: batch.id, error: describeFailure(error) })
      failures = progress.nextPiece > nextPiece ? 1 : failures + 1
      if (failures >= MAX_FAILURES && !(await isStoreDown(error, context.store))) {
        return isStoreTrouble(error) ? undefined : await giveUp(batch, progress, context)
      }
      await context.backOff(failures)
      if (context.isStopping()) return undefined
    }
  }
}

/** Whether the store takes nothing, rather than not this batch. */
async function isStoreDown(error: unknown, store: Pick<Store, 'probe'>): Promise<boolean> {
  if (!isStoreTrouble(error)) return false
  // A nearly full disk may have room for the probe and none for a chunk.
  if (error.code === 'store_full') return true
  return await store.probe().then(
    () => false,
    () => true,
  )
}

async function unpackRest(
  batch: OpenBatch,
  progress: Progress,
  context: BatchContext & Pick<ReadOptions, 'keepsFailures'>,
): Promise<ChunkReceipt | undefined> {
  const rest = { ...batch, unpackedPieces: progress.nextPiece }
  for (const chunk of readBatch(rest, context)) {
    const receipt = await commitChunk(chunk, { ...context, batch })
    if (!receipt) return undefined
    progress.nextPiece = chunk.toPiece
    progress.receipt = addReceipts(progress.receipt, receipt)
    if (context.isStopping() && !chunk.isLast) return undefined
  }
  return progress.receipt
}

async function giveUp(
  batch: OpenBatch,
  progress: Progress,
  { store }: BatchContext,
): Promise<ChunkReceipt | undefined> {
  const rest = { ...batch, unpackedPieces: progress.nextPiece }
  const detail = `Unpacking it failed ${MAX_FAILURES} times; see the log.`
  const receipt = await store.commitChunk(quarantineBody(rest, detail))
  return receipt && addReceipts(progress.receipt, receipt)
}
