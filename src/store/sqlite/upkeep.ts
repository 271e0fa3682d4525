import { atOnce, type Steps } from '../steps.ts'
import type { AtOnce } from '../store.ts'
import { createOperations, type UpkeepOperations } from '../upkeep/operations.ts'
import type { UpkeepPort } from '../upkeep/port.ts'
import type { Bodies } from './bodies.ts'
import type { Counters } from './counters.ts'
import { createStepRunner, type Database } from './driver.ts'
import type { createGuard } from './guard.ts'
import type { Journal } from './journal.ts'
import type { KeyStore } from './keys.ts'
import type { Lookups } from './lookups.ts'
import type { Runs } from './runs.ts'
import type { createWiping } from './wipe.ts'

interface UpkeepParts {
  readonly counters: Counters
  readonly bodies: Bodies
  readonly runs: Runs
  readonly keys: KeyStore
  readonly lookups: Lookups
  readonly journal: Journal
  readonly guard: ReturnType<typeof createGuard>
  readonly wiping: ReturnType<typeof createWiping>['wiping']
  readonly now: () => number
}

const READS: ReadonlySet<keyof UpkeepOperations> = new Set([
  'loadHandlers',
  'findGone',
  'readTime',
  'readNote',
])

/** What people have done, and what time does. */
export function createUpkeep(db: Database, parts: UpkeepParts): AtOnce<UpkeepOperations> {
  const { bodies, guard, wiping } = parts
  const take = createStepRunner(db)

  function run(name: keyof UpkeepOperations, begin: () => Steps<unknown>): unknown {
    const work = () => take(begin())
    if (READS.has(name)) return guard.read(work)
    if (name === 'erase') return guard.write('FULL', () => wiping(work))
    return guard.write(name === 'prune' ? 'NORMAL' : 'FULL', work)
  }

  return createOperations(createUpkeepPort(parts), (name, begin) => {
    try {
      return run(name, begin)
    } finally {
      if (!READS.has(name)) {
        bodies.forget()
        parts.runs.forget()
      }
    }
  }) as AtOnce<UpkeepOperations>
}

function createUpkeepPort(parts: UpkeepParts): UpkeepPort {
  const { counters, bodies, runs, journal, keys, lookups, now } = parts
  return {
    engine: 'sqlite',
    now,
    sqlNow: () => String(now()),
    totals: {
      add: (amounts) => atOnce([...amounts].forEach(([name, n]) => counters.add(name, n))),
      read: () => atOnce(counters.all()),
      set: (mark, n) => atOnce(counters.set(mark, n)),
      move: (names, to) => atOnce(names.forEach((name) => counters.move(name, to))),
    },
    wholeBatches: (batches) =>
      atOnce(new Set(batches.filter((batch) => bodies.read(batch).kind === 'whole'))),
    addRuns: (waiting) =>
      atOnce(waiting.forEach((run) => void runs.add({ ...run, openedAt: undefined }))),
    append: (batch) => atOnce(journal.append(batch)),
    removeLookups: (events) => atOnce(lookups.remove(events)),
    pruneKeys({ keysBefore }) {
      const { forgotten, prunedThrough } = keys.prune(keysBefore)
      if (prunedThrough > counters.get('keys_pruned_through')) {
        counters.set('keys_pruned_through', prunedThrough)
      }
      return atOnce({ removed: forgotten, after: undefined })
    },
    mayPrune: () => atOnce(true),
  }
}
