import { entryPoint } from '../entry-point.ts'
import type { Batch } from '../model.ts'
import type { Archive, BatchFacts } from './store.ts'
import { startCalledThread } from './thread-calls.ts'

/** A batch as it was received, and its number in the file. */
export type SpooledBatch = Batch & Pick<BatchFacts, 'seq'>

/** Batches in a file of this process alone, in order. */
export interface LocalJournal {
  /** Resolves once the batch is on disk. The same id twice is the same batch. */
  append(batch: Batch): Promise<void>
  /** The oldest batch behind this number. */
  take(after: number): Promise<SpooledBatch | undefined>
  drop(seq: number): Promise<void>
  /** How many batches it has. */
  count(): Promise<number>
  /** Proves that a write reaches the disk. */
  probe(): Promise<void>
  findWaiting: Archive['findWaiting']
  close(): Promise<void>
}

/** Opens the file in a thread of its own: no sync holds up the thread that answers. */
export async function openLocalJournal(file: string): Promise<LocalJournal> {
  const entry = entryPoint('store/sqlite/journal-thread')
  return await startCalledThread<Omit<LocalJournal, 'close'>>(entry, file, [
    'append',
    'take',
    'drop',
    'count',
    'probe',
    'findWaiting',
  ])
}
