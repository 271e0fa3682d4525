import type { EntryPoint } from '../src/entry-point.ts'

const [SOURCES, BUILT] = ['../src/', '../dist/'].map((path) => new URL(path, import.meta.url).href)

/**
 * Stands in for `src/entry-point.ts` in tests: threads and child processes start from the build.
 * Read from their sources, each would bring a loader of its own, and there are thousands.
 */
export function entryPoint(path: string, from: string): EntryPoint {
  const built = from.replace(String(SOURCES), String(BUILT))
  return { url: new URL(`${path}.js`, built), execArgv: [] }
}
