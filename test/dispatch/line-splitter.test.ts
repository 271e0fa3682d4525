import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineSplitter } from '../../src/dispatch/line-splitter.ts'

function split(chunks: readonly Buffer[], maxLineBytes: number) {
  const lines: { text: string; isCut: boolean }[] = []
  const splitter = new LineSplitter(maxLineBytes, (line, isCut) => {
    lines.push({ text: line.toString('latin1'), isCut })
  })
  for (const chunk of chunks) splitter.push(chunk)
  splitter.finish()
  return lines
}

describe('LineSplitter', () => {
  it('finds the same lines however the bytes arrive', () => {
    const texts = fc.array(fc.stringMatching(/^[a-z]{0,20}$/), { minLength: 1 })
    const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 })
    fc.assert(
      fc.property(texts, cuts, (lines, sizes) => {
        const bytes = Buffer.from(`${lines.join('\n')}\n`)
        const chunks: Buffer[] = []
        for (let from = 0, next = 0; from < bytes.length; next++) {
          const size = sizes[next % sizes.length] ?? 1
          chunks.push(bytes.subarray(from, from + size))
          from += size
        }
        expect(split(chunks, 100)).toEqual(lines.map((text) => ({ text, isCut: false })))
      }),
    )
  })

  it('cuts a line that is too long and says so, also when it comes byte by byte', () => {
    const bytes = Buffer.from(`${'x'.repeat(50)}\nshort\n`)
    const expected = [
      { text: 'x'.repeat(10), isCut: true },
      { text: 'short', isCut: false },
    ]
    expect(split([bytes], 10)).toEqual(expected)
    expect(
      split(
        [...bytes].map((byte) => Buffer.from([byte])),
        10,
      ),
    ).toEqual(expected)
  })

  it('gives the last line without a line end', () => {
    expect(split([Buffer.from('a\nb')], 10).map(({ text }) => text)).toEqual(['a', 'b'])
  })

  it('holds no more than the longest line of an endless one', () => {
    const splitter = new LineSplitter(1_000, () => {})
    const before = process.memoryUsage().arrayBuffers
    const chunk = Buffer.alloc(1_000, 120)
    for (let count = 0; count < 10_000; count++) splitter.push(chunk)
    expect(splitter.heldTooMuch).toBe(true)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
  })
})
