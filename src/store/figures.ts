import type { EventState, JobState } from '../model.ts'

export interface StoreStats {
  /** Milliseconds since 1970. */
  readonly countedAt: number
  readonly batches: { readonly received: number; readonly waiting: number }
  readonly events: {
    readonly total: number
    readonly byState: Readonly<Record<EventState, number>>
    readonly byType: Readonly<Record<string, number>>
  }
  readonly duplicates: number
  readonly quarantined: number
  readonly jobs: Readonly<Record<string, Readonly<Record<JobState, number>>>>
  /** Jobs pending and batches waiting. */
  readonly backlog: number
  /** Age of the oldest of them in milliseconds; 0 without a backlog. */
  readonly oldestPendingMs: number
}

/** How the database of a shared store is, besides what is in it. */
export interface DatabaseHealth {
  /** Rows that no transaction needs and vacuum has not removed, by table; the database's estimate. */
  readonly deadRows: Readonly<Record<string, number>>
  /** Age of the oldest transaction of anybody in the database: vacuum waits for it. 0 without one. */
  readonly oldestTransactionMs: number
  /** Settings of the server that are off, so that it may lose what it has committed. */
  readonly turnedOff: readonly string[]
}

/** What the local journal in front of a shared store holds, and has done. */
export interface SpoolStats {
  /** Batches in the spool, the refused ones included. */
  readonly waiting: number
  /** Of these, how many the store has refused for what they are. */
  readonly refused: number
  /** Since this process started: kept in the spool, moved to the store, files moved aside. */
  readonly spooled: number
  readonly drained: number
  readonly setAside: number
}

/** The same, and its place on the disk. */
export interface SpoolFigures extends SpoolStats {
  /** What its files take on the disk. */
  readonly bytes: number
  /** How full the disk is. */
  readonly diskUsedPercent: number
  /** Since when batches wait, or the process began with some; undefined while none do. */
  readonly since: number | undefined
}
