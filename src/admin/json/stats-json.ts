import type { HandlerRegistration } from '../../model.ts'
import type { GuardianFigures, HandlerHealth, ObservedCounts } from '../../observe/observer.ts'
import type { DatabaseHealth, SpoolFigures, StoreStats } from '../../store/store.ts'
import type { Rates } from '../rate-meter.ts'
import { guardianJson } from './guardian-json.ts'
import { isoTime } from './iso-time.ts'
import type { ProcessJson, StatsJson } from './stats-schema.ts'

export interface ProcessFacts {
  readonly version: string
  /** When the counts that live in memory began: received by source, refused, handlers' health. */
  readonly countingSince: number
  /** Undefined without a spool. */
  readonly spool: SpoolFigures | undefined
  readonly counts: ObservedCounts
  readonly registrations: readonly HandlerRegistration[]
  readonly guardian: GuardianFigures | undefined
}

export interface StatsFacts extends ProcessFacts {
  readonly stats: StoreStats
  readonly health: DatabaseHealth | undefined
  readonly rates: Rates | undefined
}

/** What the process knows without its store. */
export function processJson(facts: ProcessFacts): ProcessJson {
  const { counts, spool, guardian } = facts
  return {
    version: facts.version,
    counting_since: isoTime(facts.countingSince),
    batches: {
      received_by_source: counts.received,
      refused: Object.values(counts.refused).reduce((sum, count) => sum + count, 0),
      refused_by_reason: counts.refused,
    },
    handlers: handlersJson(facts.registrations, counts.handlers),
    spool: spool ? spoolJson(spool) : null,
    guardian: guardian ? guardianJson(guardian) : null,
  }
}

/** Every figure of the receiver: the store's own, and what was counted since the process began. */
export function statsJson(facts: StatsFacts): StatsJson {
  const { stats, rates } = facts
  const { batches, ...known } = processJson(facts)
  return {
    ...known,
    counted_at: isoTime(stats.countedAt),
    batches: { ...stats.batches, ...batches },
    events: {
      total: stats.events.total,
      by_state: stats.events.byState,
      by_type: stats.events.byType,
    },
    duplicates: stats.duplicates,
    conflicts: stats.events.byState.conflict,
    stale: stats.events.byState.stale,
    quarantined: stats.quarantined,
    jobs: stats.jobs,
    backlog: stats.backlog,
    oldest_pending_seconds: Math.round(stats.oldestPendingMs / 1_000),
    database: facts.health ? databaseJson(facts.health) : null,
    rates: {
      events_per_second: rates?.eventsPerSecond ?? null,
      batches_per_second: rates?.batchesPerSecond ?? null,
      over_seconds: rates?.overSeconds ?? null,
    },
  }
}

function spoolJson(figures: SpoolFigures) {
  return {
    waiting: figures.waiting,
    refused: figures.refused,
    waiting_since: isoTime(figures.since),
    bytes: figures.bytes,
    disk_used_percent: figures.diskUsedPercent,
    spooled: figures.spooled,
    drained: figures.drained,
    files_set_aside: figures.setAside,
  }
}

function databaseJson(health: DatabaseHealth) {
  return {
    dead_rows: health.deadRows,
    oldest_transaction_seconds: Math.round(health.oldestTransactionMs / 1_000),
    turned_off: health.turnedOff,
  }
}

function handlersJson(
  registrations: readonly HandlerRegistration[],
  health: Readonly<Record<string, HandlerHealth>>,
): ProcessJson['handlers'] {
  const registered = new Map(registrations.map((handler) => [handler.name, handler]))
  const observed = new Map(Object.entries(health))
  const names = [...new Set([...registered.keys(), ...observed.keys()])].sort()
  return Object.fromEntries(
    names.map((name) => [name, handlerJson(registered.get(name), observed.get(name))]),
  )
}

function handlerJson(
  handler: HandlerRegistration | undefined,
  health: HandlerHealth | undefined,
): ProcessJson['handlers'][string] {
  return {
    running: health?.running ?? false,
    restarts: health?.restarts ?? 0,
    last_problem: health?.lastProblem ?? null,
    module: handler?.module ?? null,
    keys: handler?.keys ?? null,
    takes_batches: handler?.takesBatches ?? null,
  }
}

export type { ProcessJson, StatsJson } from './stats-schema.ts'
