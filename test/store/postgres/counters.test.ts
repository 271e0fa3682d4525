import { expect, it, vi } from 'vitest'
import { runRegularly } from '../../../src/store/postgres/counters.ts'
import { onTestFinished } from '../../on-test-finished.ts'

it('tells of totals that cannot be kept small once, until they can again', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  let failure: Error | undefined
  const warnings: string[] = []
  const others = vi.fn(async () => {})
  const fold = async () => {
    if (failure) throw failure
  }
  const recovered = vi.fn()
  const stop = runRegularly([fold, others], (text) => warnings.push(text), recovered)
  const passTurns = (count: number) => vi.advanceTimersByTimeAsync(count * 10_000)
  await passTurns(1)
  expect(warnings).toEqual([])
  failure = new Error('does not have a replica identity')
  await passTurns(5)
  expect(warnings).toEqual([expect.stringContaining('does not have a replica identity')])
  expect(others).toHaveBeenCalledTimes(6)
  expect(recovered).not.toHaveBeenCalled()
  failure = undefined
  await passTurns(1)
  expect(recovered).toHaveBeenCalledOnce()
  failure = Object.assign(new Error('no connection'), { isAway: true })
  await passTurns(2)
  expect(warnings).toHaveLength(1)
  failure = new Error('another')
  await passTurns(1)
  expect(warnings).toHaveLength(2)
  stop()
  await passTurns(2)
  expect(others).toHaveBeenCalledTimes(10)
})
