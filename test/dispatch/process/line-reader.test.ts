import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLines } from '../../../src/dispatch/process/line-reader.ts'

async function split(chunks: readonly Buffer[], maxLineBytes: number) {
  const lines: { text: string; isCut: boolean }[] = []
  const stream = new PassThrough()
  readLines(stream, {
    maxLineBytes,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    onLine: (line, isCut) => lines.push({ text: line.toString('latin1'), isCut }),
  })
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await new Promise((resolve) => stream.once('end', resolve))
  return lines
}

describe('readLines', () => {
  it('finds the same lines however the bytes arrive', async () => {
    const texts = fc.array(fc.stringMatching(/^[a-z]{0,20}$/), { minLength: 1 })
    const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(texts, cuts, async (lines, sizes) => {
        const bytes = Buffer.from(`${lines.join('\n')}\n`)
        const chunks: Buffer[] = []
        for (let from = 0, next = 0; from < bytes.length; next++) {
          const size = sizes[next % sizes.length] ?? 1
          chunks.push(bytes.subarray(from, from + size))
          from += size
        }
        expect(await split(chunks, 100)).toEqual(lines.map((text) => ({ text, isCut: false })))
      }),
    )
  })

  it('cuts a line that is too long and says so, also when it comes byte by byte', async () => {
    const bytes = Buffer.from(`${'x'.repeat(50)}\nshort\n`)
    const expected = [
      { text: 'x'.repeat(10), isCut: true },
      { text: 'short', isCut: false },
    ]
    expect(await split([bytes], 10)).toEqual(expected)
    const single = [...bytes].map((byte) => Buffer.from([byte]))
    expect(await split(single, 10)).toEqual(expected)
  })

  it('gives the last line without a line end', async () => {
    expect((await split([Buffer.from('a\nb')], 10)).map(({ text }) => text)).toEqual(['a', 'b'])
  })

  it('gives the beginning of an endless line at once, and holds nothing of the rest', async () => {
    const before = process.memoryUsage().arrayBuffers
    const chunk = Buffer.alloc(1_000, 120)
    const chunks = Array.from({ length: 10_000 }, () => chunk)
    expect(await split([Buffer.from('y'), ...chunks], 1_000)).toEqual([
      { text: `y${'x'.repeat(999)}`, isCut: true },
    ])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
  })
})
