import { describe, expect, it } from 'vitest'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { readBatch } from '../../src/unpack/read-batch.ts'
import { openBatch } from './open-batch.ts'

const MEGABYTES = 10_000_000
/** Far above what they take; a reader that is quadratic or recursive is far above these. */
const MAX_MS = 90_000
const MAX_HEAP_MB = 250

/** Drains a body page by page, as the unpacker does, and keeps only sums. */
function drain(body: string) {
  const batch = openBatch(body)
  const sums = { pages: 0, rows: 0, events: 0, pieces: 0, heapMb: 0, ms: 0 }
  const heapBefore = process.memoryUsage().heapUsed
  const startedAt = performance.now()
  for (const page of readBatch(batch, { provider: PROVIDERS.mailtrap, routes: () => [] })) {
    sums.pages++
    sums.rows += page.unreadable.length
    sums.events += page.events.length
    sums.pieces = page.toPiece
    sums.heapMb = Math.max(sums.heapMb, (process.memoryUsage().heapUsed - heapBefore) / 1e6)
  }
  sums.ms = performance.now() - startedAt
  return sums
}

describe('readBatch on hostile bodies', () => {
  it.each([
    ['10 MB of {} lines', () => '{}\n'.repeat(MEGABYTES / 3), { pieces: 1_048_577, events: 0 }],
    [
      '10 MB of [{},{},…]',
      () => `[{}${',{}'.repeat(MEGABYTES / 3)}]`,
      { pieces: 1_048_577, events: 0 },
    ],
    ['an array with 3 MB of commas', () => `[${','.repeat(3e6)}]`, { pieces: 0 }],
    ['arrays 100,000 deep', () => '['.repeat(1e5) + ']'.repeat(1e5), { pieces: 1, rows: 1 }],
    [
      'arrays 100,000 deep in an event',
      () => `{"event":"x","v":${'['.repeat(1e5)}${']'.repeat(1e5)}}`,
      { pieces: 1, rows: 1 },
    ],
    ['10 MB of opening brackets', () => '['.repeat(MEGABYTES), { pieces: 1, rows: 1 }],
    ['10 MB of opening braces', () => '{"a":'.repeat(MEGABYTES / 5), { pieces: 1, rows: 1 }],
    ['10 MB of quotes', () => '"'.repeat(MEGABYTES), { pieces: 1, rows: 1 }],
    ['10 MB of backslashes', () => `["${'\\'.repeat(MEGABYTES)}"]`, { pieces: 1, rows: 1 }],
    ['10 MB of newlines', () => `[${'\n'.repeat(MEGABYTES)}`, { pieces: 1, rows: 1 }],
    [
      '400,000 keys',
      () => `{"event":"x",${Array.from({ length: 4e5 }, (_, n) => `"k${n}":"v"`)}}`,
      { pieces: 1, events: 1 },
    ],
    [
      '80,000 keys in an event below 1 MiB',
      () => `{"event":"x",${Array.from({ length: 8e4 }, (_, n) => `"${n}":1`)}}`,
      { events: 1 },
    ],
    [
      'the key `events` 800,000 times',
      () => `{"events":[]${',"events":[]'.repeat(8e5)}}`,
      { pieces: 0 },
    ],
    ['200,000 lines that are no JSON', () => 't\n'.repeat(2e5), { pages: 40, pieces: 200_000 }],
    ['30,000 broken lines', () => `{}\n${'{"a}\n'.repeat(3e4)}`, { pieces: 30_001 }],
    [
      '100,000 events without id',
      () => `[${Array.from({ length: 1e5 }, (_, n) => `{"event":"${n}"}`)}]`,
      { events: 100_000 },
    ],
  ])(
    'reads %s in bounded time and memory',
    (_, makeBody, expected) => {
      const sums = drain(makeBody())
      expect(sums).toMatchObject(expected)
      expect(sums.rows).toBeLessThan(500)
      expect(sums.ms).toBeLessThan(MAX_MS)
      expect(sums.heapMb).toBeLessThan(MAX_HEAP_MB)
    },
    180_000,
  )
})
