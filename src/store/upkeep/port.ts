import type { Batch } from '../../model.ts'
import type { ArchivePort } from '../archive/port.ts'
import { isAmong, query, raw, type Sql, type Steps, sql } from '../steps.ts'
import type { PruneRequest } from '../store.ts'

/** Totals and marks that are kept beside the rows, in the same transactions. */
export interface Totals {
  add(amounts: ReadonlyMap<string, number>): Steps<void>
  read(): Steps<ReadonlyMap<string, number>>
  set(mark: string, n: number): Steps<void>
  /** Adds what is counted under these names to another, and takes the names away. */
  move(names: readonly string[], to: string): Steps<void>
}

/** Of one walk: how many rows went, and where it goes on; undefined: it has ended. */
export interface WalkStep {
  readonly removed: number
  readonly after: number | undefined
}

/** A run that waits to be opened: `events` in order, spanning fewer than RUN_SPAN. */
export interface WaitingRun {
  readonly batch: number
  readonly handler: string
  readonly events: readonly number[]
}

/** What an engine gives so that its rows can be changed. */
export interface UpkeepPort extends Pick<ArchivePort, 'engine' | 'now'> {
  /** The time that counts for leases and retries, as SQL. */
  readonly sqlNow: () => string
  readonly totals: Totals
  /** Those of the batches whose bodies are there and as they were when they were hashed. */
  wholeBatches(batches: readonly number[]): Steps<ReadonlySet<number>>
  addRuns(runs: readonly WaitingRun[]): Steps<void>
  /** False: a batch with this id is there. */
  append(batch: Batch): Steps<boolean>
  /** Where what events are found by is not in their rows. */
  removeLookups?(events: readonly number[]): Steps<void>
  pruneKeys(request: PruneRequest): Steps<WalkStep>
  /** False while another process prunes. */
  mayPrune(): Steps<boolean>
}

/** Numbers of the events of a batch. */
export const isOfBatch = (column: string): Sql =>
  raw(`${column} >= b.seq << 20 AND ${column} < (b.seq + 1) << 20`)

/** Holds the rows against others, where there are any. Everybody locks batches, runs, jobs; by number. */
export const lock = ({ engine }: UpkeepPort, of = ''): Sql =>
  raw(engine === 'sqlite' ? '' : `FOR UPDATE${of && ` OF ${of}`}`)

/** Waits for whoever works with these batches, and keeps others from giving them work. */
export function* lockBatches(port: UpkeepPort, batches: readonly number[]): Steps<void> {
  if (port.engine === 'sqlite') return
  const isIt = isAmong(port, 'seq', batches)
  yield* query(sql`SELECT 1 FROM batches WHERE ${isIt} ORDER BY seq ${lock(port)}`)
}
