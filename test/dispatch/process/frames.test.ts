import { PassThrough } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import type { ChildFrame, TokenJob } from '../../../src/dispatch/channel-frames.ts'
import { FrameWriter, readFrames } from '../../../src/dispatch/process/frames.ts'

function read() {
  const stream = new PassThrough()
  const frames: ChildFrame[] = []
  const faults: string[] = []
  readFrames(stream, {
    onFrame: (frame) => frames.push(frame),
    onHostile: (reason) => faults.push(reason),
  })
  return { stream, frames, faults }
}

function makeJob(token: number, payload: string): TokenJob {
  return {
    token,
    isAlone: false,
    handler: 'handler',
    attempt: 1,
    provider: 'mailtrap',
    source: 'mailtrap',
    type: 'delivery',
    name: undefined,
    key: 'key',
    receivedAt: 0,
    occurredAt: undefined,
    payload,
  }
}

describe('readFrames', () => {
  it('reads frames', async () => {
    const { stream, frames, faults } = read()
    stream.write('{"started":[1,2]}\n{"done":[1],"failures":[{"token":2,')
    stream.write('"kind":"dead","error":"no"}]}\n')
    await vi.waitFor(() => expect(frames).toHaveLength(2))
    expect(frames[1]).toEqual({ done: [1], failures: [{ token: 2, kind: 'dead', error: 'no' }] })
    expect(faults).toEqual([])
  })

  it.each([
    ['text', 'hello\n'],
    ['an empty line', '\n'],
    ['no object', '[1,2]\n'],
    ['null', 'null\n'],
    ['an unknown field', '{"settle":[1]}\n'],
    ['tokens that are no integers', '{"done":[1.5]}\n'],
    ['tokens that are texts', '{"done":["1"]}\n'],
    ['an unknown outcome', '{"failures":[{"token":1,"kind":"released","error":""}]}\n'],
    [
      'an error without bound',
      `{"failures":[{"token":1,"kind":"dead","error":"${'e'.repeat(20_001)}"}]}\n`,
    ],
    ['binary', Buffer.from([0xff, 0xfe, 0x00, 0x0a])],
  ])('distrusts the writer of %s, and believes nothing after it', async (_, bytes) => {
    const { stream, frames, faults } = read()
    stream.write(bytes)
    stream.write('{"done":[1]}\n')
    await vi.waitFor(() => expect(faults).toHaveLength(1))
    expect(frames).toEqual([])
  })

  it('distrusts the writer of an endless line before it ends', async () => {
    const { stream, faults } = read()
    for (let count = 0; count < 70; count++) stream.write(Buffer.alloc(64 * 1024, 120))
    await vi.waitFor(() => expect(faults).toHaveLength(1))
  })

  it('lets a writer of countless frames wait', async () => {
    const { stream, frames } = read()
    stream.resume()
    const chunk = Buffer.from('{"done":[]}\n'.repeat(5_000))
    for (let count = 0; count < 100; count++) stream.write(chunk)
    await vi.waitFor(() => expect(stream.isPaused()).toBe(true))
    expect(frames.length).toBeLessThan(200_000)
  })
})

describe('FrameWriter', () => {
  it('writes many jobs in frames of bounded size, in order', async () => {
    const stream = new PassThrough()
    const lines: string[] = []
    let rest = ''
    stream.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n')
      rest = parts.pop() ?? ''
      lines.push(...parts)
    })
    const jobs = Array.from({ length: 1_000 }, (_, token) => makeJob(token, 'p'.repeat(2_000)))
    new FrameWriter(stream).run(jobs)
    const readTokens = () =>
      lines.flatMap((line) => (JSON.parse(line).run as TokenJob[]).map(({ token }) => token))
    await vi.waitFor(() => expect(readTokens()).toHaveLength(1_000))
    expect(readTokens()).toEqual(jobs.map(({ token }) => token))
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(300 * 1024)
  })

  it('sends a job that is larger than a frame by itself', async () => {
    const stream = new PassThrough()
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    const large = 'p'.repeat(1024 * 1024)
    new FrameWriter(stream).run([makeJob(1, 'small'), makeJob(2, large), makeJob(3, 'small')])
    const lines = () => Buffer.concat(chunks).toString().split('\n').slice(0, -1)
    await vi.waitFor(() => expect(lines()).toHaveLength(3))
    expect(JSON.parse(lines()[1] ?? '').run).toMatchObject([{ token: 2, payload: large }])
  })

  it('keeps back what the pipe does not take, and takes it back on demand', async () => {
    const stream = new PassThrough()
    const writer = new FrameWriter(stream)
    writer.run(Array.from({ length: 1_000 }, (_, token) => makeJob(token, 'p'.repeat(1_000))))
    await vi.waitFor(() => expect(stream.writableNeedDrain).toBe(true))
    const unsent = writer.takeUnsent()
    expect(unsent.at(-1)).toBe(999)
    expect(unsent.length).toBeGreaterThan(400)
    expect(writer.takeUnsent()).toEqual([])
  })
})
