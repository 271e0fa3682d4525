import type { ChildProcess } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ChildFrame } from '../../../src/dispatch/child-frame.ts'
import { ChildPipes } from '../../../src/dispatch/process/child-pipes.ts'

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** The pipes of a child that is played by the test. */
function open(highWaterMark = 64 * 1024 * 1024) {
  const [stdout, stderr, channel] = Array.from(
    { length: 3 },
    () => new PassThrough({ highWaterMark }),
  )
  const child = { stdout, stderr, stdio: [null, stdout, stderr, channel], exitCode: 0 }
  const frames: ChildFrame[] = []
  const faults: string[] = []
  const lines: string[] = []
  const dropped: number[] = []
  const onRoom = vi.fn()
  const pipes = new ChildPipes(child as unknown as ChildProcess, {
    onFrame: (frame) => frames.push(frame),
    onLine: ({ text }) => lines.push(text),
    onLinesDropped: (count) => dropped.push(count),
    onRoom,
    onFault: (reason) => faults.push(reason),
  })
  return { pipes, stdout: stdout!, channel: channel!, frames, faults, lines, dropped, onRoom }
}

/** More than may be read in a moment, in as many lines as it has bytes. */
const flood = Buffer.alloc(1024 * 1024, 10)

describe('the frames of a child', () => {
  it('reads frames', async () => {
    const { channel, frames, faults } = open()
    channel.write('{"ending":"bye"}\n{"pages":[1,2],"fail')
    channel.write('ures":[{"page":1,"at":2,"kind":"dead","error":"no","ms":3}]}\n')
    await vi.waitFor(() => expect(frames).toHaveLength(2))
    expect(frames[1]).toEqual({
      pages: [1, 2],
      failures: [{ page: 1, at: 2, kind: 'dead', error: 'no', ms: 3 }],
    })
    expect(faults).toEqual([])
  })

  it.each([
    ['text', 'hello\n'],
    ['an empty line', '\n'],
    ['no object', '[1,2]\n'],
    ['null', 'null\n'],
    ['an unknown field', '{"settle":[1]}\n'],
    ['a page that is no integer', '{"pages":[1.5]}\n'],
    ['more pages than it can have', `{"pages":[${Array.from({ length: 1_101 }, () => 1)}]}\n`],
    [
      'an unknown outcome',
      '{"failures":[{"page":1,"at":0,"kind":"released","error":"","ms":1}]}\n',
    ],
    [
      'an error without bound',
      `{"failures":[{"page":1,"at":0,"kind":"dead","error":"${'e'.repeat(20_001)}","ms":1}]}\n`,
    ],
    ['binary', Buffer.from([0xff, 0xfe, 0x00, 0x0a])],
  ])('distrusts the writer of %s, and believes nothing after it', async (_, bytes) => {
    const { channel, frames, faults } = open()
    channel.write(bytes)
    channel.write('{"ending":"bye"}\n')
    await vi.waitFor(() => expect(faults).toHaveLength(1))
    expect(frames).toEqual([])
  })

  it('distrusts the writer of an endless line before it ends', async () => {
    const { channel, faults } = open()
    for (let count = 0; count < 70; count++) channel.write(Buffer.alloc(64 * 1024, 120))
    await vi.waitFor(() => expect(faults).toHaveLength(1))
  })

  it('lets a writer of countless frames wait', async () => {
    const { channel, frames } = open()
    channel.resume()
    const chunk = Buffer.from('{"pages":[]}\n'.repeat(5_000))
    for (let count = 0; count < 100; count++) channel.write(chunk)
    await vi.waitFor(() => expect(channel.isPaused()).toBe(true))
    expect(frames.length).toBeLessThan(200_000)
  })
})

describe('the output of a child', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('gives lines, without empty ones, and the last one without a line end', async () => {
    const { stdout, lines } = open()
    stdout.end('first\n\nsecond\r\nlast')
    await nextTurn()
    await nextTurn()
    expect(lines).toEqual(['first', 'second', 'last'])
  })

  it('cuts long lines', async () => {
    const { stdout, lines } = open()
    stdout.write(`${'x'.repeat(100_000)}\nshort\n`)
    await nextTurn()
    expect(lines.map((line) => line.length)).toEqual([4_097, 5])
  })

  it('drops what is beyond the pace, and tells how much once a second', async () => {
    const { stdout, lines, dropped } = open()
    stdout.write('line\n'.repeat(10_000))
    stdout.write('line\n'.repeat(10_000))
    await nextTurn()
    expect(lines).toHaveLength(1_000)
    expect(dropped).toEqual([])
    vi.advanceTimersByTime(1_000)
    expect(dropped).toEqual([19_000])
    stdout.write('again\n')
    await nextTurn()
    expect(lines.at(-1)).toBe('again')
  })

  it('leaves a flood in the pipe for a moment, and reports one that does not end', async () => {
    const { stdout, faults } = open()
    for (let moment = 1; moment <= 200; moment++) {
      expect(faults).toEqual([])
      stdout.write(flood)
      await nextTurn()
      expect(stdout.isPaused()).toBe(true)
      vi.advanceTimersByTime(50)
      await nextTurn()
    }
    expect(faults).toContain('it flooded its output')
  })

  it('forgives bursts', async () => {
    const { stdout, faults } = open()
    for (let moment = 1; moment <= 1_000; moment++) {
      stdout.write(moment % 2 === 0 ? flood : 'quiet\n')
      await nextTurn()
      vi.advanceTimersByTime(50)
      await nextTurn()
    }
    expect(faults).toEqual([])
  })

  it('reads the rest at once when the process has ended', async () => {
    const { pipes, stdout } = open()
    stdout.write(flood)
    await nextTurn()
    expect(stdout.isPaused()).toBe(true)
    void pipes.close()
    stdout.end(flood)
    await vi.waitFor(() => expect(stdout.readableEnded).toBe(true))
  })
})

describe('what is sent to a child', () => {
  it('goes out as it is, in order', async () => {
    const { pipes, channel } = open()
    channel.pause()
    pipes.send([Buffer.from('a'), Buffer.from('b')])
    pipes.send([Buffer.from('c')])
    await nextTurn()
    expect(channel.read()?.toString()).toBe('abc')
  })

  it('is no more than its pipe takes, and goes on when that has room again', async () => {
    const { pipes, channel, onRoom } = open(1_024)
    channel.pause()
    expect(pipes.isFull).toBe(false)
    for (let page = 0; page < 10 && !pipes.isFull; page++) pipes.send([Buffer.alloc(500, 10)])
    expect(pipes.isFull).toBe(true)
    await nextTurn()
    expect(onRoom).not.toHaveBeenCalled()
    channel.resume()
    await vi.waitFor(() => expect(onRoom).toHaveBeenCalled())
    expect(pipes.isFull).toBe(false)
  })

  it('is nothing once the channel is closed', async () => {
    const { pipes, channel } = open()
    channel.destroy()
    pipes.send([Buffer.from('a')])
    expect(pipes.isFull).toBe(true)
  })
})
