import { aroundEach, vi } from 'vitest'
import { runTest } from './on-test-finished.ts'
import { PATIENCE_MS } from './patience-ms.ts'

const { waitFor } = vi
vi.waitFor = (callback, options) =>
  waitFor(callback, {
    timeout: PATIENCE_MS,
    ...(typeof options === 'number' ? { timeout: options } : options),
  })

aroundEach((run, context) => runTest(context, run))
