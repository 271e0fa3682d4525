import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take longer than any other: begun late, they would be all that still runs. */
const LONGEST = [
  'store/postgres/faults',
  'system/rolling-restarts',
  'dispatch/hostile-handlers',
  'tooling/books',
  'system/outages',
  'store/postgres-store',
  'browser/dashboard',
  'system/stop',
  'system/forward',
  'tooling/build',
  'dispatch/lanes',
  'bench/bench',
  'browser/navigation',
  'browser/actions',
  'built-in/publish/brokers',
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
  if (LONGEST.some((file) => path.endsWith(`/${file}.test.ts`))) return -1
  const rank = SLOW_ROOMS.findIndex((room) => path.includes(`/test/${room}/`))
  return rank < 0 ? SLOW_ROOMS.length : rank
}
