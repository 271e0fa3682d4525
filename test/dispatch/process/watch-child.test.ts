import { spawn } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Usage, watchLoading } from '../../../src/dispatch/process/watch-child.ts'
import { onTestFinished } from '../../on-test-finished.ts'

describe('watchLoading', () => {
  it.each([
    ['waits', 'setTimeout(() => {}, 600_000)'],
    ['computes', 'for (;;);'],
  ])('gives up on a process that %s, and lets others start before', async (_, code) => {
    const child = spawn(process.execPath, ['-e', code])
    const calls: string[] = []
    const stop = watchLoading({
      pid: child.pid as number,
      limitMs: 1_500,
      onLong: () => calls.push('long'),
      onTimeUp: () => calls.push('time up'),
    })
    onTestFinished(() => {
      stop()
      child.kill('SIGKILL')
    })
    await vi.waitFor(() => expect(calls).toEqual(['long', 'time up']))
  })

  describe('on a busy machine', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    /** How long a process may take whose usage after so many milliseconds is this. */
    async function limitOf(usageAt: (ms: number) => Usage | undefined): Promise<number> {
      const beganAt = performance.now()
      const elapsedMs = () => performance.now() - beganAt
      let endedMs: number | undefined
      watchLoading({
        pid: 1,
        limitMs: 30_000,
        onLong: () => {},
        onTimeUp: () => {
          endedMs = elapsedMs()
        },
        readUsage: async () => usageAt(elapsedMs()),
      })
      while (endedMs === undefined) await vi.advanceTimersByTimeAsync(250)
      return endedMs
    }

    it('charges what runs with its processor time, and what sleeps with the time that passes', async () => {
      expect(await limitOf((ms) => ({ processorMs: ms, isSleeping: false }))).toBe(30_000)
      expect(await limitOf(() => ({ processorMs: 0, isSleeping: true }))).toBe(30_000)
    })

    it('does not charge a process for waiting for the processor', async () => {
      expect(await limitOf((ms) => ({ processorMs: ms / 5, isSleeping: false }))).toBe(150_000)
      // Some of the time its main thread waits for another, which waits for the processor.
      expect(await limitOf((ms) => ({ processorMs: ms / 5, isSleeping: true }))).toBe(150_000)
    })

    it('ends all the same after ten times as long', async () => {
      expect(await limitOf(() => ({ processorMs: 0, isSleeping: false }))).toBe(300_000)
    })

    it('charges all time where nothing else is known', async () => {
      expect(await limitOf(() => undefined)).toBe(30_000)
    })
  })
})
