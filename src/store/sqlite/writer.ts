import type { Batch, HandlerRegistration } from '../../model.ts'
import type {
  AuditEntry,
  ClaimRequest,
  EraseRequest,
  JobName,
  PruneRequest,
  StoreHint,
  UnpackedChunk,
} from '../store.ts'
import { createAuditing } from './audit.ts'
import { createChunks } from './chunks.ts'
import { createClockSteps } from './clock-steps.ts'
import { type Columns, fromColumns, toColumns } from './columns.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'
import { createErasing } from './erase.ts'
import { createJobs } from './jobs.ts'
import { createJournal } from './journal.ts'
import { createPruning } from './prune.ts'
import { createRegistrations } from './registrations.ts'
import { createReplay } from './replay.ts'
import { createRequeueing } from './requeue.ts'
import type { OnEnd } from './transactions.ts'

export type Operation = (...args: never[]) => unknown

export interface WriterOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds of a clock that only goes forward. */
  readonly elapsedMs: () => number
  readonly hint: (hint: StoreHint) => void
  readonly onEnd: OnEnd
}

/**
 * Every write of the store, each a plain function that runs inside a transaction which the caller
 * opens. `hint` is called when a write gave others something to do.
 */
export function createWriter(db: Database, options: WriterOptions) {
  const { now, hint, onEnd } = options
  const journal = createJournal(db, onEnd)
  const chunks = createChunks(db)
  const jobs = createJobs(db, onEnd)
  const followClock = createClockSteps(db, options)
  const registrations = createRegistrations(db)
  const replays = createReplay(db)
  const pruning = createPruning(db)
  const erasing = createErasing(db)
  const auditing = createAuditing(db)
  const requeueing = createRequeueing(db, journal.append)
  const counters = createCounters(db)

  const operations = {
    append(batch: Batch): void {
      journal.append(batch)
      hint('batches')
    },
    takeBatch: (leaseMs: number) => journal.takeBatch(leaseMs, now()),
    commitChunk({ events: columns, ...rest }: Omit<UnpackedChunk, 'events'> & { events: Columns }) {
      const chunk: UnpackedChunk = { ...rest, events: fromColumns(columns) }
      const committed = chunks.commitChunk(chunk, now())
      if (!committed) return undefined
      if (committed.closed !== undefined) journal.endLease(committed.closed)
      if (chunk.events.some(({ handlers }) => handlers.length > 0)) hint('jobs')
      return committed.receipt
    },
    claim(request: ClaimRequest): Columns {
      followClock()
      return toColumns(jobs.claim(request, now()))
    },
    extend: (attempts: Columns, leaseMs: number) =>
      jobs.extend(fromColumns(attempts), leaseMs, now()),
    settle(attempts: Columns): number {
      followClock()
      return jobs.settle(fromColumns(attempts), now())
    },
    saveHandlers: (handlers: readonly HandlerRegistration[]) =>
      registrations.saveHandlers(handlers),
    loadHandlers: () => registrations.loadHandlers(),
    setPaused(handler: string, isPaused: boolean): boolean {
      if (!isPaused) hint('jobs')
      return registrations.setPaused(handler, isPaused, now())
    },
    requeue(quarantineId: string, batchId: string): boolean {
      hint('batches')
      return requeueing.requeue(quarantineId, batchId)
    },
    replay(names: readonly JobName[], only?: 'done' | 'dead'): number {
      hint('jobs')
      return replays.replay(names, only, now())
    },
    prune: (request: PruneRequest) => pruning.prune(request),
    erase: (request: EraseRequest) => erasing.erase(request),
    recordAudit: (entry: AuditEntry) => auditing.recordAudit(entry, now()),
    probe: () => counters.set('probed_at', now()),
  } satisfies Record<string, Operation>

  return { operations }
}
