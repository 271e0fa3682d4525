import type { ReadFigures } from '../../src/alerts/read-figures.ts'
import type { GuardianFigures } from '../../src/observe/figures.ts'

export const NOW = Date.UTC(2026, 10, 30, 3, 0)
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

/** A receiver with which all is well. */
export function wellFigures(over: Partial<ReadFigures> = {}): ReadFigures {
  return {
    at: NOW,
    isReady: true,
    storeState: 'ok',
    store: {
      jobs: { crm: { pending: 0, done: 4, dead: 0 } },
      quarantined: 0,
      conflicts: 0,
      oldestWaitingAt: undefined,
      oldestUntriedAt: {},
      pausedAt: {},
    },
    lastBatches: { mailtrap: NOW - MINUTE_MS },
    diskUsedPercent: 40,
    spool: { waiting: 0, refused: 0 },
    handlers: { crm: { running: true, restarts: 0, lastProblem: undefined } },
    watched: {
      crashes: {},
      refusedByAddress: undefined,
      clockDoubtedAt: undefined,
      spoolFailedAt: undefined,
      upkeepFailedAt: undefined,
    },
    guardian: undefined,
    ...over,
  }
}

/** The same with other figures of the store. */
export function withStore(over: Partial<NonNullable<ReadFigures['store']>>): Partial<ReadFigures> {
  const { store } = wellFigures()
  return { store: store && { ...store, ...over } }
}

export function guardianFigures(over: Partial<GuardianFigures> = {}): GuardianFigures {
  return {
    lookedAt: NOW,
    startedAt: NOW - DAY_MS,
    failure: undefined,
    webhooks: [{ id: 7, source: 'mailtrap', isPaused: false, differences: [] }],
    problems: [],
    resumed: 0,
    outage: undefined,
    lastOutage: undefined,
    tokenExpiresAt: undefined,
    ...over,
  }
}
