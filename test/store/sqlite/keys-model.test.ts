import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findKeyFloor } from '../../../src/store/believed-time.ts'
import type { Database } from '../../../src/store/sqlite/driver.ts'
import type { KeyStoreOptions } from '../../../src/store/sqlite/keys.ts'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { IS_LONG } from '../../system/long-runs.ts'
import { openTestKeys, type TestKeys } from './test-keys.ts'

const HOUR_MS = 3_600_000
/** From this many keys all are taken, so that what was forgotten comes back. */
const NAMES = 4_000

/** Random keys, keys that share their first bytes as UUIDv7 does, and keys that share their last. */
const KEYS: readonly Buffer[] = Array.from({ length: NAMES }, (_, name) => {
  const key = createHash('sha256').update(String(name)).digest().subarray(0, 16)
  if (name % 3 === 1) key.fill(0, 0, 12)
  if (name % 3 === 2) key.fill(0, 4)
  return key
})

const sizes = fc.constantFrom(
  { tableEntries: 5, tablesPerSegment: 1, segmentsPerMerge: 2 },
  { tableEntries: 40, tablesPerSegment: 2, segmentsPerMerge: 3 },
  { tableEntries: 300, tablesPerSegment: 2, segmentsPerMerge: 2 },
)
const names = fc.tuple(fc.nat(NAMES - 1), fc.integer({ min: 1, max: 400 }))
/** By which the clock is off: now and then by decades. */
const hours = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -2, max: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom(-400_000, 400_000) },
)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), names, hours }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('undo' as const), names, hours }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('merge' as const), steps: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('prune' as const),
      age: fc.nat(8),
      isKept: fc.boolean(),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** What every key store must answer: each name's events, and what the floor forgets. */
class Model {
  readonly events = new Map<number, number>()
  readonly hours = new Map<number, { first: number; last: number }>()
  floor = 0
  nextEvent = 1
  hour = Date.UTC(2025, 6) / HOUR_MS
  limit = 0

  known(name: number): number | undefined {
    const event = this.events.get(name)
    return event !== undefined && event >= this.floor ? event : undefined
  }

  fresh([from, count]: readonly [number, number]): number[] {
    const all = Array.from({ length: count }, (_, index) => (from + index * 7) % NAMES)
    return [...new Set(all)].filter((name) => this.known(name) === undefined)
  }

  add(names: readonly number[], events: readonly number[], hour: number): void {
    for (const [index, name] of names.entries()) this.events.set(name, events[index] as number)
    const { first = events[0] as number } = this.hours.get(hour) ?? {}
    this.hours.set(hour, { first, last: events.at(-1) as number })
  }

  prune(hour: number): void {
    const marks = [...this.hours].map(([at, range]) => ({ hour: at, ...range }))
    marks.sort((a, b) => a.first - b.first)
    const limits = { receivedBefore: hour * HOUR_MS, now: Date.now() }
    this.floor = Math.max(this.floor, findKeyFloor(marks, limits).before)
    const forgotten = marks.filter(({ last }) => last < this.floor)
    const newest = Math.max(...forgotten.map((mark) => mark.hour).filter((at) => at < hour))
    if (newest < 0) return
    for (const mark of forgotten) if (mark.hour !== newest) this.hours.delete(mark.hour)
  }
}

class Bench {
  readonly model = new Model()
  readonly warnings: string[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'receiver-keys-'))
  readonly #sizes: Partial<KeyStoreOptions>
  db!: Database
  keys!: TestKeys

  constructor(options: Partial<KeyStoreOptions>) {
    this.#sizes = { ...options, onWarning: (text: string) => this.warnings.push(text) }
  }

  async open(): Promise<void> {
    this.db = await openForWriting(join(this.#folder, 'receiver.db'))
    this.keys = openTestKeys(this.db, this.#sizes)
  }

  end(): void {
    this.db.close()
    rmSync(this.#folder, { recursive: true })
  }

  async run(step: Step): Promise<void> {
    if (step.kind === 'merge') {
      for (let left = step.steps; left > 0 && this.keys.merge(0); left--);
    } else if (step.kind === 'reopen') {
      this.db.close()
      await this.open()
    } else if (step.kind === 'prune') this.#prune(step.age, step.isKept)
    else this.#add(step)
  }

  #add({ kind, names, hours }: Extract<Step, { hours: number }>): void {
    const { model } = this
    const fresh = model.fresh(names)
    if (fresh.length === 0) return
    // A new batch for every 50 events, and a clock that is not always right.
    const events = fresh.map((_, index) => {
      const batch = Math.floor((model.nextEvent + index) / 50)
      return batch * 2 ** 20 + ((model.nextEvent + index) % 50)
    })
    const hour = model.hour + hours
    const added = Buffer.concat(fresh.map((name) => KEYS[name] as Buffer))
    const add = () => this.keys.keys.add(added, events, hour * HOUR_MS + 5)
    if (kind === 'undo') {
      this.keys.undoing(add)
      return
    }
    this.keys.transactions.run('NORMAL', add)
    model.add(fresh, events, hour)
    model.nextEvent += fresh.length
    model.hour++
  }

  #prune(age: number, isKept: boolean): void {
    const { model } = this
    // Time limits only grow, as long as the clock is right when it prunes.
    const hour = Math.max(model.limit, model.hour - age)
    const prune = () => void this.keys.keys.prune(hour * HOUR_MS + 77)
    if (!isKept) {
      this.keys.undoing(prune)
      return
    }
    this.keys.transactions.run('NORMAL', prune)
    model.limit = hour
    model.prune(hour)
  }

  check(): void {
    const found = this.keys.find(Buffer.concat(KEYS))
    const expected = KEYS.flatMap((_, name) => {
      const event = this.model.known(name)
      return event === undefined ? [] : [[name, event] as const]
    })
    expect([...found]).toEqual(expected)
    expect(this.warnings).toEqual([])
  }
}

describe('a key store', () => {
  it('knows what a map knows, whatever happens in whatever order', async () => {
    // fast-check prints the seed and the shortest steps that fail.
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.array(step, { minLength: 5, maxLength: 60 }),
        async (size, steps) => {
          const bench = new Bench(size)
          await bench.open()
          try {
            for (const one of steps) {
              await bench.run(one)
              bench.check()
            }
            while (bench.keys.merge(0));
            bench.check()
            const leftOver = `SELECT count(*) AS n FROM key_pages
            WHERE id / 4294967296 NOT IN (SELECT id FROM key_segments)`
            expect(bench.db.prepare(leftOver).get()).toEqual({ n: 0 })
          } finally {
            bench.end()
          }
        },
      ),
      { numRuns: IS_LONG ? 400 : 20 },
    )
  })
})
