import type { Steps } from '../steps.ts'
import type { Archive } from '../store.ts'
import { getEvent } from './event-rows.ts'
import { readHealth } from './health.ts'
import { listEvents } from './list-events.ts'
import { listJobs } from './list-jobs.ts'
import type { ArchivePort, Reading } from './port.ts'
import {
  countEvents,
  findWaiting,
  getQuarantine,
  LAST_BATCHES,
  listAudit,
  listQuarantine,
  PAUSED_HANDLERS,
  readPiece,
  readTimes,
} from './read-lists.ts'
import { countStats } from './stats.ts'

export type { ArchivePort } from './port.ts'

type Reads = {
  readonly [Name in keyof Archive]: (
    reading: Reading,
    ...args: Parameters<Archive[Name]>
  ) => Steps<Awaited<ReturnType<Archive[Name]>>>
}

/** What people may read, written once for both engines. */
const READS: Reads = {
  stats: countStats,
  health: readHealth,
  listEvents,
  getEvent,
  listJobs,
  listQuarantine,
  getQuarantine,
  quarantineBody: readPiece,
  listAudit,
  findWaiting,
  countEvents,
  lastBatches: () => readTimes(LAST_BATCHES),
  pausedHandlers: () => readTimes(PAUSED_HANDLERS),
}

export const READ_NAMES = Object.keys(READS) as readonly (keyof Archive)[]

/** Runs beside the work, each read in a snapshot of its own. */
export function createArchive(port: ArchivePort): Archive {
  const reads = READ_NAMES.map((name) => {
    const read = READS[name] as (reading: Reading, ...args: unknown[]) => Steps<unknown>
    return [name, (...args: unknown[]) => port.inSnapshot(() => read(port, ...args))]
  })
  return Object.fromEntries(reads) as unknown as Archive
}
