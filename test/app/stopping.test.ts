import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createStopping } from '../../src/app/stopping.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('tells of a stop at once that is about to be cut off, and which parts have not ended', async () => {
  const onLate = vi.fn()
  const { closers, stopNow } = createStopping(onLate)
  closers.add('store', () => {})
  closers.add('handlers', () => new Promise(() => {}))
  closers.add('webhook listener', () => {})
  void stopNow()
  void stopNow()
  // The limit after a second signal, in main.ts.
  await vi.advanceTimersByTimeAsync(4_000)
  expect(onLate.mock.calls).toEqual([[['handlers', 'store']]])
})

it('says nothing of one that ends, nor of a stop that may take its time', async () => {
  const onLate = vi.fn()
  const quick = createStopping(onLate)
  quick.closers.add('store', () => {})
  await quick.stopNow()
  const graceful = createStopping(onLate)
  graceful.closers.add('handlers', () => new Promise(() => {}))
  void graceful.stop()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(onLate).not.toHaveBeenCalled()
})
