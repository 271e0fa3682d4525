import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { type ErrorCode, ReceiverError } from '../../src/errors.ts'
import { keepTrying } from '../../src/store/keep-trying.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Work that fails with these, one after the other, before it is done. */
function begin(failures: ErrorCode[], { isPatient = true } = {}) {
  const observer = { storeFailed: vi.fn(), storeRecovered: vi.fn() }
  const done = vi.fn()
  const kept = keepTrying(
    async () => {
      const code = failures.shift()
      if (code) throw new ReceiverError(code)
      done()
    },
    { isPatient, observer },
  )
  onTestFinished(() => kept.stop())
  const told = () => observer.storeFailed.mock.calls.map(([{ code }]) => code)
  return { ...kept, done, told, observer }
}

it('goes on after a store that was away comes back with other problems, and tells each', async () => {
  const { firstTry, done, told, observer } = begin([
    'store_busy',
    'store_busy',
    'invalid_settings',
    'store_full',
  ])
  await firstTry
  await vi.advanceTimersByTimeAsync(3_000)
  expect(done).not.toHaveBeenCalled()
  expect(told()).toEqual(['store_busy', 'invalid_settings', 'store_full'])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(done).toHaveBeenCalledTimes(1)
  expect(observer.storeRecovered).toHaveBeenCalledTimes(1)
  expect(vi.getTimerCount()).toBe(0)
})

it('says nothing of a store that does its work at once', async () => {
  const { firstTry, done, told, observer } = begin([])
  await firstTry
  expect(done).toHaveBeenCalledTimes(1)
  expect(told()).toEqual([])
  expect(observer.storeRecovered).not.toHaveBeenCalled()
})

it.each([
  ['that is not there for others', 'store_busy', false],
  ['that cannot be used as it is', 'invalid_settings', true],
] as const)('fails at once with a store %s', async (_title, code, isPatient) => {
  const { firstTry } = begin([code], { isPatient })
  await expect(firstTry).rejects.toMatchObject({ code })
  expect(vi.getTimerCount()).toBe(0)
})

it('ends with its stop', async () => {
  const { firstTry, stop, done } = begin(['store_busy'])
  await firstTry
  stop()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(done).not.toHaveBeenCalled()
})

it('does once more what has grown meanwhile, one try after the other', async () => {
  const { firstTry, again, done, told } = begin(['store_busy', 'store_busy'])
  await firstTry
  again()
  again()
  await vi.advanceTimersByTimeAsync(0)
  expect(told()).toEqual(['store_busy'])
  expect(done).toHaveBeenCalledTimes(1)
  expect(vi.getTimerCount()).toBe(0)
})
