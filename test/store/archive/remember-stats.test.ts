import { describe, expect, it, vi } from 'vitest'
import { rememberStats } from '../../../src/store/archive/stats.ts'
import type { StoreStats } from '../../../src/store/reading.ts'

/** A store that counts so many jobs, for so long. */
function setUp(dead: number, tookMs: number) {
  const clock = { now: 0 }
  const read = vi.fn(async () => {
    clock.now += tookMs
    return { jobs: { a: { pending: 1, done: 9, dead } } } as unknown as StoreStats
  })
  return { clock, read, ask: rememberStats(read, () => clock.now) }
}

describe('the figures of a store', () => {
  it('are counted anew for every question while the backlog is short, however long it takes', async () => {
    const { read, ask } = setUp(99_999, 5_000)
    await ask()
    await ask()
    expect(read).toHaveBeenCalledTimes(2)
  })

  it('are counted once for those who ask together', async () => {
    const { read, ask } = setUp(0, 1)
    const [one, other] = await Promise.all([ask(), ask()])
    expect(read).toHaveBeenCalledTimes(1)
    expect(one).toBe(other)
  })

  it.each([
    { tookMs: 200, restMs: 2_000 },
    { tookMs: 10_000, restMs: 30_000 },
  ])(
    'of a long backlog, which took $tookMs ms, hold for $restMs ms',
    async ({ tookMs, restMs }) => {
      const { clock, read, ask } = setUp(100_000, tookMs)
      const first = await ask()
      clock.now += restMs - 1
      expect(await ask()).toBe(first)
      clock.now += 1
      await ask()
      expect(read).toHaveBeenCalledTimes(2)
    },
  )

  it('are asked for again after a failure', async () => {
    const { read, ask } = setUp(200_000, 1)
    read.mockRejectedValueOnce(new Error('away'))
    await expect(ask()).rejects.toThrow('away')
    expect(await ask()).toMatchObject({ jobs: { a: { dead: 200_000 } } })
  })
})
