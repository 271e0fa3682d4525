import type { ReplayRequest } from './replay-events.ts'

/** What this room has to tell besides the shared Observer; each is called when it is there. */
export interface AdminObserver {
  /** An answer failed with 500 or 503. `route` is the route's pattern, never an address with values. */
  adminFailed?(fact: { route: string; error: unknown }): void
  /** Somebody made jobs pending again: who, which, and how many. Belongs into the audit trail. */
  replayed?(fact: { address: string; request: ReplayRequest; jobs: number }): void
}
