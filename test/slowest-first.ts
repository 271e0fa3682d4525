import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take longer than any other, the longest first: begun late, they would be all that still runs. */
const LONGEST = [
  'tooling/books',
  'system/forward',
  'store/postgres-store',
  'bench/bench',
  'browser/dashboard',
  'system/outages',
  'browser/navigation',
  'browser/actions',
  'store/sqlite-store',
  'dispatch/hostile-handlers',
  'store/postgres/faults',
  'dispatch/lanes',
  'built-in/publish/brokers',
  'system/dying-replicas',
  'system/stop',
  'tooling/build',
  'system/rolling-restarts',
]
/** Rooms whose tests start processes, wait for them, or both. */
const SLOW_ROOMS = ['system', 'browser', 'tooling', 'dispatch', 'cli', 'store', 'handlers']

/** Begins with what takes longest, so that no worker is left with it at the end. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rankOf(a.moduleId) - rankOf(b.moduleId))
  }
}

function rankOf(path: string): number {
  const place = LONGEST.findIndex((file) => path.endsWith(`/${file}.test.ts`))
  if (place >= 0) return place - LONGEST.length
  const rank = SLOW_ROOMS.findIndex((room) => path.includes(`/test/${room}/`))
  return rank < 0 ? SLOW_ROOMS.length : rank
}
