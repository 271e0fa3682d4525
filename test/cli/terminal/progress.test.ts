import { describe, expect, it } from 'vitest'
import { createProgress } from '../../../src/cli/progress.ts'
import { makeContext } from '../run-command.ts'

function build(columns?: number, env: Record<string, string> = {}) {
  const clock = { ms: 0 }
  const { context, err } = makeContext(columns === undefined ? { env } : { columns, env })
  const progress = createProgress({ ...context, elapsedMs: () => clock.ms })
  return { progress, clock, err }
}

describe('createProgress', () => {
  it('draws a bar on a terminal and removes it', () => {
    const { progress, clock, err } = build(80)
    clock.ms = 1_000
    progress.show({ done: 5_000, total: 10_000, unit: 'events', problem: '2 not answered 200' })
    expect(err()).toContain('█'.repeat(12))
    expect(err()).toContain(' 50%  5,000/10,000 events, 5,000/s, 2 not answered 200')
    progress.clear()
    expect(err().endsWith('\r\x1b[K')).toBe(true)
  })

  it.each([
    [60, '\r\x1b[K5,000/10,000 events, 5,000/s, 2 not answered 200'],
    [20, '\r\x1b[K5,000/10,000 event…'],
  ])('takes one line also of a terminal of %i columns', (columns, line) => {
    const { progress, clock, err } = build(columns)
    clock.ms = 1_000
    progress.show({ done: 5_000, total: 10_000, unit: 'events', problem: '2 not answered 200' })
    expect(err()).toBe(line)
  })

  it('draws a bar on a terminal that does not know its width', () => {
    const { progress, err } = build(0)
    progress.show({ done: 5_000, total: 10_000, unit: 'events' })
    expect(err()).toContain('█')
  })

  it('sends nothing but text to a dumb terminal', () => {
    const { progress, clock, err } = build(80, { TERM: 'dumb' })
    clock.ms = 5_000
    progress.show({ done: 10, total: 20, unit: 'events' })
    progress.clear()
    expect(err()).toBe('10/20 events, 2/s\n')
  })

  it('does not draw more often than anybody can see', () => {
    const { progress, clock, err } = build(80)
    for (clock.ms = 0; clock.ms < 250; clock.ms++) {
      progress.show({ done: clock.ms, total: 250, unit: 'events' })
    }
    expect(err().split('\r')).toHaveLength(1 + 3)
  })

  it('writes a plain line now and then elsewhere', () => {
    const { progress, clock, err } = build()
    progress.show({ done: 1, total: undefined, unit: 'batches' })
    expect(err()).toBe('')
    clock.ms = 5_000
    progress.show({ done: 10_000, total: undefined, unit: 'batches' })
    progress.clear()
    expect(err()).toBe('10,000 batches, 2,000/s\n')
  })
})
