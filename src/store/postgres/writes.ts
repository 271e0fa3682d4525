import type { Archive, Store } from '../store.ts'
import { recordAudit } from './audit.ts'
import { createChunks } from './chunks.ts'
import { createErasing } from './erase.ts'
import type { Hints } from './hints.ts'
import { createJobs } from './jobs.ts'
import { createAppending, takeBatch } from './journal.ts'
import { createPruning } from './prune.ts'
import { createRegistrations } from './registrations.ts'
import { createReplay } from './replay.ts'
import { requeue } from './requeue.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const PROBE: TransactionPlan = { sync: 'on', timeoutMs: 2_000 }

export type Writes = Omit<Store, keyof Archive | 'close'>

/** Every write of the store, each telling those who wait for it. */
export function createWrites(options: {
  /** For acknowledgements alone, or nothing of theirs. */
  ingest: Transactions
  /** How many of its connections appends may use at once. */
  ingestConnections: number
  work: Transactions
  hints: Hints
}): Writes {
  const { ingest, ingestConnections, work, hints } = options
  const appending = createAppending({ transactions: ingest, connections: ingestConnections })
  const chunks = createChunks(work)
  const jobs = createJobs(work)
  const registrations = createRegistrations(work)
  const replays = createReplay(work)
  const pruning = createPruning(work)
  const erasing = createErasing(work)

  return {
    async append(batch) {
      await appending.append(batch)
      hints.tell('batches')
    },
    async probe() {
      await ingest.runOne(PROBE, `INSERT INTO counters VALUES ('probes', 0)`)
    },
    takeBatch: (leaseMs) => takeBatch(work, leaseMs),
    async commitChunk(chunk) {
      const receipt = await chunks.commitChunk(chunk)
      if (chunk.events.some(({ handlers }) => handlers.length > 0)) hints.tell('jobs')
      return receipt
    },
    claim: (request) => jobs.claim(request),
    extend: (attempts, leaseMs) => jobs.extend(attempts, leaseMs),
    settle: (attempts) => jobs.settle(attempts),
    saveHandlers: (handlers) => registrations.saveHandlers(handlers),
    loadHandlers: () => registrations.loadHandlers(),
    async setPaused(handler, isPaused) {
      const isKnown = await registrations.setPaused(handler, isPaused)
      if (isKnown && !isPaused) hints.tell('jobs')
      return isKnown
    },
    async requeue(quarantineId, batchId) {
      const isThere = await requeue(work, quarantineId, batchId)
      if (isThere) hints.tell('batches')
      return isThere
    },
    async replay(names, only) {
      const replayed = await replays.replay(names, only)
      if (replayed > 0) hints.tell('jobs')
      return replayed
    },
    prune: (request) => pruning.prune(request),
    erase: (request) => erasing.erase(request),
    // What is left of deleted rows is the server's affair: VACUUM, its log, its back-ups.
    wipe: async () => true,
    recordAudit: (entry) => recordAudit(work, entry),
    onHint: (listener) => hints.onHint(listener),
  }
}
