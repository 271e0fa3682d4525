import { describe, expect, it, vi } from 'vitest'
import type { ScrapeFigures } from '../../src/observe/create-metrics.ts'
import { createMetricsReader, type MetricsReaderOptions } from '../../src/observe/create-metrics.ts'
import type { StoreStats } from '../../src/store/store.ts'

const STATS = { backlog: 4 } as StoreStats

function createReader(options: Partial<MetricsReaderOptions>) {
  return createMetricsReader({
    metrics: { render: async (figures: ScrapeFigures) => JSON.stringify(figures) },
    stats: async () => STATS,
    spool: undefined,
    guardian: undefined,
    verdict: async () => ({ causes: [] }),
    isReady: () => true,
    handlers: () => ['h'],
    diskUsedPercent: async () => 25,
    limitMs: 60_000,
    ...options,
  })
}

describe('createMetricsReader', () => {
  it('reads the store, the spool, the disk and what a person is needed for', async () => {
    const spool = { waiting: 1, refused: 0, spooled: 1, drained: 0 }
    const verdict = async () => ({ causes: [{ cause: 'jobs_dead:crm' }] })
    const read = createReader({ spool: () => spool, verdict })
    expect(JSON.parse(await read())).toEqual({
      store: STATS,
      spool,
      isReady: true,
      handlers: ['h'],
      diskUsedRatio: 0.25,
      causes: ['jobs_dead:crm'],
    })
  })

  it.each([
    ['fails', () => Promise.reject(new Error('away'))],
    ['does not answer', () => new Promise<never>(() => {})],
  ])('answers without what %s', async (_what, hang) => {
    const read = createReader({
      ...{ stats: hang, diskUsedPercent: hang, verdict: hang },
      limitMs: 20,
    })
    expect(JSON.parse(await read())).toEqual({ isReady: true, handlers: ['h'] })
  })

  it('asks a slow store once, however often it is asked itself', async () => {
    let answer: (stats: StoreStats) => void = () => {}
    const stats = vi.fn(() => new Promise<StoreStats>((resolve) => (answer = resolve)))
    const read = createReader({ stats, limitMs: 20 })
    await Promise.all([read(), read()])
    const late = read()
    expect(stats).toHaveBeenCalledTimes(1)
    answer(STATS)
    expect(JSON.parse(await late)).toMatchObject({ store: STATS })
    void read()
    expect(stats).toHaveBeenCalledTimes(2)
  })
})
