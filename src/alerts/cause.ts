import type { GuardianFigures } from '../observe/figures.ts'
import type { HandlerHealth } from '../observe/observer.ts'
import type { StoreStats } from '../store/store.ts'
import type { SourceSilence } from './silences.ts'

/** Something for which a person is needed. Nothing in it is personal or secret. */
export interface Cause {
  /** What it is, and of what: `jobs_dead:crm`. The same as long as it lasts. */
  readonly cause: string
  /** Milliseconds since 1970; undefined: known only since it was seen. */
  readonly since?: number | undefined
  readonly text: string
  /** What to do. */
  readonly remedy: string
  /** Of causes that grow: how much of it there is. */
  readonly amount?: number
}

/** What one look finds. */
export type Causes = Generator<Cause, void, undefined>

/** What is known at a moment. Times in milliseconds since 1970. */
export interface Figures {
  readonly at: number
  readonly isReady: boolean
  /** `ok`, the code of an error, or `degraded: …`; as `/readyz` says. */
  readonly storeState: string
  /** Undefined: it has not answered yet. What it said last, while it does not answer. */
  readonly store: StoredFigures | undefined
  /** When the newest piece came to quarantine, the newest conflict; 0: not known. */
  readonly grewAt: Readonly<Record<Growing, number>>
  readonly diskUsedPercent: number | undefined
  readonly spool: { readonly waiting: number; readonly refused: number } | undefined
  readonly handlers: Readonly<Record<string, HandlerHealth>>
  readonly watched: WatchedFacts
  readonly silences: readonly SourceSilence[]
  /** Undefined: nobody watches our webhooks at the provider. */
  readonly guardian: GuardianFigures | undefined
}

/** Counts that hardly ever go down: what was there yesterday is no news. */
export type Growing = 'quarantined' | 'conflicts'

export interface StoredFigures
  extends Pick<StoreStats, 'jobs' | 'quarantined' | 'oldestWaitingAt' | 'oldestUntriedAt'> {
  readonly conflicts: number
  readonly pausedAt: Readonly<Record<string, number>>
}

export interface Crash {
  readonly at: number
  /** `exit code 1`, `signal SIGSEGV`; undefined: we ended it, or its module was not loaded. */
  readonly exit: string | undefined
}

/** What no figure tells, and only who listens knows. */
export interface WatchedFacts {
  /** Processes of a handler that ended by themselves within the last five minutes. */
  readonly crashes: Readonly<Record<string, readonly Crash[]>>
  /** Genuine requests that were refused by address, within the last hour. */
  readonly refusedByAddress: { readonly count: number; readonly since: number } | undefined
  readonly clockDoubtedAt: number | undefined
  readonly spoolFailedAt: number | undefined
  /** Pruning, or what PostgreSQL is kept small by. */
  readonly upkeepFailedAt: number | undefined
}
