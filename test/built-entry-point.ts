import type { EntryPoint } from '../src/entry-point.ts'
import { builtFile, ownModule } from '../src/own-files.ts'

const IN_BUILD = builtFile('main.mjs').href

/**
 * Stands in for `src/entry-point.ts` in tests: threads and child processes start from the build.
 * Read from their sources, each would bring a loader of its own, and there are thousands.
 */
export function entryPoint(path: string): EntryPoint {
  return { url: ownModule(path, IN_BUILD), execArgv: [] }
}
