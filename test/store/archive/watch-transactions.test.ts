import { expect, it, vi } from 'vitest'
import { watchTransactions } from '../../../src/store/archive/health.ts'
import { onTestFinished } from '../../on-test-finished.ts'

const LOOK_MS = 30_000

it('tells of a transaction that is left open: at first, every ten minutes, and of another', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  let now = 0
  const passMinutes = async (minutes: number) => {
    for (const end = now + minutes * 60_000; now < end; ) {
      now += LOOK_MS
      await vi.advanceTimersByTimeAsync(LOOK_MS)
    }
  }
  let oldest: { pid: number; since: number } | undefined
  const health = async () => ({
    deadRows: {},
    turnedOff: [],
    oldestTransactionMs: oldest ? now - oldest.since : 0,
    oldestTransactionBy: oldest && { pid: oldest.pid, application: 'etl' },
  })
  const observer = { transactionsSeen: vi.fn(), transactionForgotten: vi.fn() }
  const stop = watchTransactions({ health }, { observer, elapsedMs: () => now })
  const told = () => observer.transactionForgotten.mock.calls.map(([{ pid }]) => pid)

  await passMinutes(2)
  expect(observer.transactionsSeen).toHaveBeenLastCalledWith({ oldestMs: 0, holder: undefined })
  oldest = { pid: 7, since: now }
  await passMinutes(0.5)
  expect(observer.transactionsSeen).toHaveBeenLastCalledWith({
    oldestMs: 30_000,
    holder: undefined,
  })
  expect(told()).toEqual([])
  await passMinutes(1)
  expect(observer.transactionForgotten).toHaveBeenCalledWith({
    pid: 7,
    application: 'etl',
    ageMs: 60_000,
  })
  await passMinutes(8)
  expect(told()).toEqual([7])
  await passMinutes(2)
  expect(told()).toEqual([7, 7])
  oldest = { pid: 8, since: now - 120_000 }
  await passMinutes(0.5)
  expect(told()).toEqual([7, 7, 8])
  stop()
  await passMinutes(30)
  expect(told()).toEqual([7, 7, 8])
})
