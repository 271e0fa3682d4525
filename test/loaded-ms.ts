import { availableParallelism, loadavg } from 'node:os'

/**
 * How long something may take that takes at most `ms` on cores that have nothing else to do: longer,
 * by as much as others use them.
 */
export const loadedMs = (ms: number): number =>
  ms * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
