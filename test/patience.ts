import { vi } from 'vitest'

/**
 * How long a condition may take to come true, in milliseconds. Of no weight where all goes well;
 * longer than a lease, and long enough where several suites share few cores.
 */
const PATIENCE_MS = 90_000

const { waitFor } = vi
vi.waitFor = (callback, options) =>
  waitFor(callback, {
    timeout: PATIENCE_MS,
    ...(typeof options === 'number' ? { timeout: options } : options),
  })
