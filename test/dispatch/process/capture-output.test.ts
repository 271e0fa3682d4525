import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { captureOutput } from '../../../src/dispatch/process/capture-output.ts'
import { createLineBudget } from '../../../src/dispatch/process/line-budget.ts'

/** More than may be read in a moment, in as many lines as it has bytes. */
const flood = Buffer.alloc(1024 * 1024, 10)

describe('captureOutput', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function capture(linesPerSecond = 100) {
    const stream = new PassThrough({ highWaterMark: 64 * 1024 * 1024 })
    const lines: string[] = []
    const dropped: number[] = []
    const onFlood = vi.fn()
    const budget = createLineBudget(linesPerSecond, (count) => dropped.push(count))
    const finish = captureOutput(stream, { budget, onLine: (text) => lines.push(text), onFlood })
    return { stream, lines, dropped, onFlood, finish }
  }
  const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

  it('gives lines, without empty ones, and the last one without a line end', async () => {
    const { stream, lines } = capture()
    stream.end('first\n\nsecond\r\nlast')
    await nextTurn()
    await nextTurn()
    expect(lines).toEqual(['first', 'second', 'last'])
  })

  it('cuts long lines', async () => {
    const { stream, lines } = capture()
    stream.write(`${'x'.repeat(100_000)}\nshort\n`)
    await nextTurn()
    expect(lines.map((line) => line.length)).toEqual([4_097, 5])
  })

  it('drops what is beyond the pace, and tells how much once a second', async () => {
    const { stream, lines, dropped } = capture(100)
    stream.write('line\n'.repeat(1_000))
    stream.write('line\n'.repeat(1_000))
    await nextTurn()
    expect(lines).toHaveLength(100)
    expect(dropped).toEqual([])
    vi.advanceTimersByTime(1_000)
    expect(dropped).toEqual([1_900])
    stream.write('again\n')
    await nextTurn()
    expect(lines.at(-1)).toBe('again')
  })

  it('leaves a flood in the pipe for a moment, and reports one that does not end', async () => {
    const { stream, onFlood } = capture()
    for (let moment = 1; moment <= 200; moment++) {
      expect(onFlood).not.toHaveBeenCalled()
      stream.write(flood)
      await nextTurn()
      expect(stream.isPaused()).toBe(true)
      vi.advanceTimersByTime(50)
      await nextTurn()
    }
    expect(onFlood).toHaveBeenCalled()
  })

  it('forgives bursts', async () => {
    const { stream, onFlood } = capture()
    for (let moment = 1; moment <= 1_000; moment++) {
      stream.write(moment % 2 === 0 ? flood : 'quiet\n')
      await nextTurn()
      vi.advanceTimersByTime(50)
      await nextTurn()
    }
    expect(onFlood).not.toHaveBeenCalled()
  })

  it('reads the rest at once when the process has ended', async () => {
    const { stream, finish } = capture()
    stream.write(flood)
    await nextTurn()
    expect(stream.isPaused()).toBe(true)
    finish()
    stream.end(flood)
    await vi.waitFor(() => expect(stream.readableEnded).toBe(true))
  })
})
