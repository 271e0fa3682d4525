import { PassThrough, Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createLogOutput } from '../../src/observe/create-logger.ts'

const describeDropped = (lines: number) => `dropped ${lines}\n`

/** A stream whose reader takes nothing until it is let. */
function stuckStream() {
  const taken: string[] = []
  let release = () => {}
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      taken.push(String(chunk))
      release = done
    },
  })
  return { stream, taken, takeOne: () => release() }
}

describe('createLogOutput', () => {
  it('drops and counts what finds no room, and tells it once there is', async () => {
    const { stream, taken, takeOne } = stuckStream()
    const output = createLogOutput({ stream, describeDropped, maxWaitingBytes: 20 })
    for (let line = 0; line < 10; line += 1) output.write(`line ${line}\n`)
    expect(stream.writableLength).toBeLessThanOrEqual(20)
    expect(taken).toEqual(['line 0\n'])
    takeOne()
    await expect.poll(() => taken.length).toBe(2)
    takeOne()
    await expect.poll(() => stream.writableLength).toBe(0)
    output.write('after\n')
    await expect.poll(() => taken.length).toBe(3)
    takeOne()
    await expect.poll(() => taken).toEqual(['line 0\n', 'line 1\n', 'dropped 8\n', 'after\n'])
  })

  it('outlives its reader', async () => {
    const stream = new PassThrough()
    const output = createLogOutput({ stream, describeDropped })
    stream.destroy(new Error('EPIPE'))
    await new Promise((resolve) => stream.once('close', resolve))
    output.write('nobody reads this\n')
    expect(stream.read()).toBeNull()
  })
})
