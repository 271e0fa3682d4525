import { describe, expect, it } from 'vitest'
import { type BenchOptions, readOptions } from './bench-options.ts'
import { summarise } from './load/percentiles.ts'
import { showRounds } from './report/markdown.ts'
import { spreadOf } from './report/spread.ts'
import { judge } from './report/targets.ts'
import type { BenchRound } from './run-bench.ts'

describe('the benchmark’s figures', () => {
  it('compare ours with another build, and with the best library, of each round', () => {
    const at = (eventsPerSecond: number) => ({ outcomes: { eventsPerSecond } })
    const round = (ours: number, old: number, ...[pgBoss, graphile]: number[]) => ({
      receivers: {
        new: { one: { eventsPerSecond: ours } },
        old: { one: { eventsPerSecond: old } },
      },
      shared: {
        receivers: { new: at(ours) },
        libraries: { 'pg-boss': at(pgBoss ?? 0), 'graphile-worker': at(graphile ?? 0) },
      },
    })
    const judged = (...rounds: unknown[]) =>
      judge({
        rounds: rounds as BenchRound[],
        receivers: ['new', 'old'].map((name) => ({ name, file: '', isSketch: false })),
      }).map(({ figure, isMet }) => [figure, isMet])
    expect(judged(round(12, 2, 2, 4), round(8, 2, 4, 1), round(10, 5, 2, 1))).toEqual([
      ['4.00 (2.00–6.00)', true],
      ['3.00 (2.00–5.00)', true],
    ])
    expect(judged(round(9, 3, 5, 1))).toEqual([
      ['3.00', false],
      ['1.80', false],
    ])
  })

  it('are nearest-rank percentiles', () => {
    const samples = Array.from({ length: 1_000 }, (_, index) => 1_000 - index)
    expect(summarise(samples)).toEqual({ p50: 500, p99: 990, p999: 999, max: 1_000 })
  })

  it('are told by median, lowest and highest of the rounds', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, lowest: 1, highest: 3 })
    expect(spreadOf([4, 1])).toEqual({ median: 2.5, lowest: 1, highest: 4 })
    expect(showRounds([1_200, undefined, 900], { unit: ' ms' })).toBe('1,050 ms (900–1,200)')
    expect(showRounds([undefined])).toBe('–')
  })

  it('are of whole batches', () => {
    expect(readOptions(['--events', '501'])).toMatchObject({ events: 1_000 })
    expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds is 0')
  })

  it('are of the parts and the receivers that were asked for', () => {
    const partsOf = (...args: string[]) => (readOptions(args) as BenchOptions).parts
    expect(partsOf()).toEqual(['a', 'b', 'calm', 'c1', 'c3', 'd', 'lines'])
    expect(partsOf('--only', 'c1')).toEqual(['c1'])
    expect(partsOf('--only', 'c1', '--large', '500')).toEqual(['c1'])
    expect(partsOf('--shared', '--large', '500').slice(-2)).toEqual(['shared', 'large'])
    expect(() => readOptions(['--only', 'c2'])).toThrow('no part c2')
    expect(
      readOptions(['--receiver', '/x/old/dist/main.js', '--receiver', 'new=/x/dist/main.js']),
    ).toMatchObject({
      receivers: [
        { name: 'old', file: '/x/old/dist/main.js' },
        { name: 'new', file: '/x/dist/main.js' },
      ],
    })
    const twice = ['--receiver', '/x/old/dist/main.js', '--receiver', '/y/old/dist/main.js']
    expect(() => readOptions(twice)).toThrow('Two receivers are called old')
  })
})
