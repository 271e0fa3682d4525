import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, type TestContext, onTestFinished as whenCurrentFinished } from 'vitest'

/** Of tests that run at once: vitest knows one current test in a process, the one begun last. */
const contexts = new AsyncLocalStorage<TestContext>()

/** Vitest's own, but for the test that calls it, also where others run beside that. */
export const onTestFinished: TestContext['onTestFinished'] = (end, timeoutMs) =>
  (contexts.getStore()?.onTestFinished ?? whenCurrentFinished)(end, timeoutMs)

const { poll } = expect
// Likewise: it belongs to a test, and fails where there is none.
expect.poll = (read, options) => (contexts.getStore()?.expect.poll ?? poll)(read, options)

/** Runs a test such that what it calls finds it. One that runs alone needs none of this. */
export function runTest(context: TestContext, run: () => Promise<void>): Promise<void> {
  return context.task.concurrent ? contexts.run(context, run) : run()
}
