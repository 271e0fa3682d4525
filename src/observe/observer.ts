import type { tellOfRequests, tellOfUnpacking } from './batch-facts.ts'
import type { ObservedCounts, RecentFigures } from './figures.ts'
import type { tellOfAttempts, tellOfHandlers } from './handler-facts.ts'
import type { tellOfAlerts, tellOfGuardian, tellOfPeople } from './people-facts.ts'
import type { tellOfSpool, tellOfStore } from './store-facts.ts'

export type { BatchReceipt, HandlerHealth, ObservedCounts, TypeReceipt } from './figures.ts'
export { REFUSAL_REASONS, type RefusalReason } from './figures.ts'

export type SpoolObserver = ReturnType<typeof tellOfSpool>
export type GuardianObserver = ReturnType<typeof tellOfGuardian>
export type AlertObserver = Pick<ReturnType<typeof tellOfAlerts>, 'alertSent' | 'alertFailed'>

/** What becomes of a batch, from its request to the last attempt of its events. */
type FlowObserver = ReturnType<typeof tellOfRequests> &
  ReturnType<typeof tellOfUnpacking> &
  ReturnType<typeof tellOfAttempts> &
  ReturnType<typeof tellOfHandlers>

/**
 * One function per thing that happens; each holds its log line and its counters, and never throws.
 * No argument may hold personal data or a secret.
 */
export type Observer = FlowObserver &
  SpoolObserver &
  GuardianObserver &
  ReturnType<typeof tellOfStore> &
  ReturnType<typeof tellOfPeople> &
  ReturnType<typeof tellOfAlerts> & {
    counts(): ObservedCounts
    /** The last hour of this process. */
    recent(): RecentFigures
  }

/** Hears of some of what happens. */
export type ObserverListener = Partial<Omit<Observer, 'counts'>>
