import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/store/sqlite/driver.ts'
import { hashOf, wordsOf } from '../../../src/store/sqlite/key-entries.ts'
import type { KeyStoreOptions } from '../../../src/store/sqlite/keys.ts'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { openTestKeys } from './test-keys.ts'

const HOUR_MS = 3_600_000
const NOON = Date.UTC(2026, 0, 17, 12)

/** So small that a few hundred keys make all that millions make. */
const SMALL = { tableEntries: 300, tablesPerSegment: 2, segmentsPerMerge: 2 }

const keyOf = (name: number): Buffer =>
  createHash('sha256').update(String(name)).digest().subarray(0, 16)
const keysOf = (names: readonly number[]): Buffer => Buffer.concat(names.map(keyOf))
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** A key store on a file; `reopen` is what a start finds after the process was killed. */
async function openStore(options: Partial<KeyStoreOptions> = SMALL) {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-keys-'))
  const file = join(folder, 'receiver.db')
  const warnings: string[] = []
  const open = (db: Database) =>
    openTestKeys(db, { ...options, onWarning: (text) => warnings.push(text) })
  let db = await openForWriting(file)
  let keys = open(db)
  onTestFinished(() => {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  })

  return {
    warnings,
    get db() {
      return db
    },
    get keys() {
      return keys
    },
    async reopen() {
      db.close()
      db = await openForWriting(file)
      keys = open(db)
    },
    /** Keys named by their events. */
    add(events: readonly number[], receivedAt = NOON) {
      keys.add(keysOf(events), events, receivedAt)
    },
    prune: (receivedBefore: number) => keys.prune(receivedBefore),
    mergeAll() {
      while (keys.merge(0));
    },
    /** Which of the events, after which their keys are named, are known. */
    known(events: readonly number[]) {
      return [...keys.find(keysOf(events)).values()]
    },
    count(what: string): number {
      return (db.prepare(`SELECT count(*) AS n FROM ${what}`).get() as { n: number }).n
    },
  }
}

type TestStore = Awaited<ReturnType<typeof openStore>>

describe('find', () => {
  it('answers the event of each known key, by index of the key', async () => {
    const store = await openStore()
    store.keys.add(keysOf([1, 2]), [7 * 2 ** 20, 2 ** 53 - 1], NOON)

    expect(store.keys.find(keysOf([3, 2, 4, 1]))).toEqual(
      new Map([
        [1, 2 ** 53 - 1],
        [3, 7 * 2 ** 20],
      ]),
    )
  })

  it('takes keys from anywhere in memory', async () => {
    const store = await openStore()
    store.add([1])

    expect(store.keys.find(Buffer.concat([Buffer.alloc(3), keyOf(1)]).subarray(3))).toEqual(
      new Map([[0, 1]]),
    )
  })

  it('tells keys apart that share all but one bit', async () => {
    const store = await openStore()
    const near = range(0, 128).map((bit) => {
      const key = Buffer.alloc(16)
      key[bit >> 3] = 1 << (bit & 7)
      return key
    })
    store.keys.add(Buffer.concat(near), range(0, 128), NOON)
    store.add(range(1_000, 1_600))
    store.mergeAll()

    expect([...store.keys.find(Buffer.concat(near)).values()]).toEqual(range(0, 128))
    expect(store.keys.find(Buffer.alloc(16)).size).toBe(0)
  })

  it('knows the key of all zeros only once it was added', async () => {
    const store = await openStore()
    expect(store.keys.find(Buffer.alloc(32)).size).toBe(0)
    store.keys.add(Buffer.alloc(16), [0], NOON)
    store.add(range(1, 300))
    store.add(range(300, 600))
    store.add(range(600, 900))
    store.mergeAll()
    expect(store.count('key_segments')).toBe(1)

    expect(store.keys.find(Buffer.alloc(32))).toEqual(
      new Map([
        [0, 0],
        [1, 0],
      ]),
    )
  })

  it('finds keys made to share one hash, more than fit on a page', async () => {
    const store = await openStore({ ...SMALL, tableEntries: 2_000 })
    const alike = Buffer.concat(range(0, 1_500).map((name) => sameHash(keyOf(name), 0x12345678)))
    const words = wordsOf(alike)
    expect(new Set(range(0, 1_500).map((index) => hashOf(words, index * 4))).size).toBe(1)
    store.keys.add(alike, range(0, 1_500), NOON)
    store.add(range(2_000, 4_000))
    store.add(range(4_000, 6_000))
    store.mergeAll()
    expect(store.count('key_segments')).toBe(1)

    expect([...store.keys.find(alike).values()]).toEqual(range(0, 1_500))
    expect(store.known(range(2_000, 6_000))).toEqual(range(2_000, 6_000))
    expect(store.warnings).toEqual([])
  })
})

/** The key with its last word changed so that it has this state before the end of `hashOf`. */
function sameHash(key: Buffer, state: number): Buffer {
  const [a, b, c] = wordsOf(key) as unknown as [number, number, number]
  let hash = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ b
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ c
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f)
  const changed = Buffer.from(key)
  changed.writeInt32LE(hash ^ state, 12)
  return changed
}

describe('add', () => {
  it('forgets what was undone, and keeps what came before and after', async () => {
    const store = await openStore()
    store.add(range(0, 250))
    store.keys.undoing(() => {
      store.keys.keys.add(keysOf(range(250, 700)), range(250, 700), NOON)
      store.keys.keys.add(keysOf(range(700, 1_400)), range(700, 1_400), NOON)
      expect(store.known(range(0, 1_400))).toEqual(range(0, 1_400))
    })
    expect(store.known(range(0, 1_400))).toEqual(range(0, 250))

    store.add(range(300, 500))
    const whole = [...range(0, 250), ...range(300, 500)]
    expect(store.known(range(0, 1_400))).toEqual(whole)
    await store.reopen()
    expect(store.known(range(0, 1_400))).toEqual(whole)
  })

  it('undoes the last of several additions alone', async () => {
    const store = await openStore()
    const { transactions, keys } = store.keys
    transactions.run('NORMAL', () => {
      keys.add(keysOf([1]), [1], NOON)
      const part = () =>
        transactions.apart(() => {
          keys.add(keysOf([2]), [2], NOON)
          throw new Error('no')
        })
      expect(part).toThrow('no')
    })

    expect(store.known([1, 2])).toEqual([1])
    await store.reopen()
    expect(store.known([1, 2])).toEqual([1])
  })

  it('leaves memory as it was when the row cannot be written', async () => {
    const store = await openStore()
    store.db.exec(`CREATE TRIGGER full BEFORE INSERT ON key_blocks WHEN new.keys = 400
      BEGIN SELECT RAISE(ABORT, 'full'); END`)
    expect(() => store.add(range(0, 400))).toThrow('full')

    expect(store.known(range(0, 400))).toEqual([])
  })

  it('keeps events in any order, from any batches', async () => {
    const store = await openStore()
    const events = [2 ** 53 - 1, 0, 2 ** 40, 2 ** 40 - 1, 63, 64, 2 ** 33 * 2 ** 19]
    store.add(events)
    await store.reopen()

    expect(store.known(events)).toEqual(events)
  })

  it('keeps single events of an hour in few blocks, so that a start reads few rows', async () => {
    const store = await openStore({ ...SMALL, tableEntries: 1_000 })
    for (const event of range(0, 400)) store.add([event], NOON + Math.floor(event / 200) * HOUR_MS)
    expect(store.db.prepare('SELECT hour, keys FROM key_blocks').all()).toEqual([
      { hour: NOON / HOUR_MS, keys: 160 },
      { hour: NOON / HOUR_MS, keys: 40 },
      { hour: NOON / HOUR_MS + 1, keys: 160 },
      { hour: NOON / HOUR_MS + 1, keys: 40 },
    ])
    await store.reopen()
    expect(store.known(range(0, 500))).toEqual(range(0, 400))

    store.add([400], NOON + HOUR_MS)
    await store.reopen()
    expect(store.known(range(0, 500))).toEqual(range(0, 401))
    expect(store.prune(NOON + HOUR_MS).prunedThrough).toBe(NOON + HOUR_MS)
    expect(store.known(range(0, 500))).toEqual(range(200, 401))
  })

  it('takes what was undone out of a block that others share', async () => {
    const store = await openStore()
    store.add([1])
    store.keys.undoing(() => store.keys.keys.add(keysOf([2]), [2], NOON))
    store.add([3])
    expect(store.count('key_blocks')).toBe(1)
    expect(store.known([1, 2, 3])).toEqual([1, 3])
    await store.reopen()

    expect(store.known([1, 2, 3])).toEqual([1, 3])
  })
})

describe('merge', () => {
  it('keeps all keys when the process ends after any step', async () => {
    const store = await openStore()
    const events: number[] = []
    let steps = 0
    let kills = 0
    for (const from of range(0, 9).map((page) => page * 300)) {
      store.add(range(from, from + 300))
      events.push(...range(from, from + 300))
      // Each life has one step more than the one before, until one is long enough.
      for (let life = 1, isMore = true; isMore; life++) {
        for (let step = 0; step < life && isMore; step++, steps++) isMore = store.keys.merge(0)
        await store.reopen()
        kills++
        expect(store.known(events)).toEqual(events)
      }
    }
    store.mergeAll()

    expect(kills).toBeGreaterThan(20)
    expect(steps).toBeGreaterThan(50)
    expect(store.known(range(0, 6_000))).toEqual(events)
    expect(store.warnings).toEqual([])
    expectNoLeftOvers(store)
  })

  it('begins anew after a step that failed', async () => {
    const store = await openStore()
    store.add(range(0, 300))
    store.add(range(300, 600))
    store.add(range(600, 700))
    // Some pages are written in the step that fails, so memory is ahead of the disk.
    store.db.exec(`CREATE TRIGGER full BEFORE INSERT ON key_pages WHEN new.id % 4294967296 > 2000000000
      BEGIN SELECT RAISE(ABORT, 'full'); END`)
    expect(() => store.keys.merge(10_000)).toThrow('full')
    expect(store.db.isTransaction).toBe(false)
    expect(store.known(range(0, 800))).toEqual(range(0, 700))

    store.db.exec('DROP TRIGGER full')
    store.mergeAll()
    expect(store.known(range(0, 800))).toEqual(range(0, 700))
    expect(store.count('key_segments')).toBe(1)
    expectNoLeftOvers(store)
  })

  it('merges small segments once, and leaves large ones alone', async () => {
    const store = await openStore()
    for (const page of range(0, 17)) {
      store.add(range(page * 300, page * 300 + 300))
      store.mergeAll()
    }

    expect(store.db.prepare('SELECT level, entries FROM key_segments ORDER BY id').all()).toEqual([
      { level: 1, entries: 1_200 },
      { level: 1, entries: 1_200 },
      { level: 1, entries: 1_200 },
      { level: 1, entries: 1_200 },
    ])
    expect(store.known(range(0, 6_000))).toEqual(range(0, 5_100))
  })

  it('makes large segments in few of the turns, so that they take little from any of them', async () => {
    const store = await openStore()
    for (const page of range(0, 5)) store.add(range(page * 300, page * 300 + 300))
    const written = () => {
      return (store.db.prepare('SELECT total_changes() AS n').get() as { n: number }).n
    }
    while (store.count('key_segments') < 2) store.keys.merge(0)
    const turns: boolean[] = []
    for (let isMore = true, before = written(); isMore; before = written()) {
      isMore = store.keys.merge(0)
      if (store.count('key_segments') === 2) turns.push(written() > before)
    }

    expect(turns.length).toBeGreaterThan(12)
    for (const from of range(0, turns.length - 4)) {
      expect(turns.slice(from, from + 4).filter(Boolean).length).toBeLessThanOrEqual(1)
    }
    expect(store.known(range(0, 2_000))).toEqual(range(0, 1_500))
  })
})

function expectNoLeftOvers(store: TestStore): void {
  for (const table of ['key_pages', 'key_filters']) {
    expect(store.count(`${table} WHERE id / 4294967296 NOT IN (SELECT id FROM key_segments)`)).toBe(
      0,
    )
  }
}

describe('damage', () => {
  /** Two segments and 60 recent keys. */
  async function openDamaged(damage: string) {
    const store = await openStore({ ...SMALL, segmentsPerMerge: 3 })
    for (const from of [0, 600]) {
      store.add(range(from, from + 300))
      store.add(range(from + 300, from + 600))
    }
    store.add(range(1_200, 1_260))
    store.mergeAll()
    expect(store.count('key_segments')).toBe(2)
    expect(store.db.prepare(damage).run().changes).toBe(1)
    await store.reopen()
    return store
  }
  const flip = (table: string, column: string, which: string) =>
    `UPDATE ${table} SET ${column} =
       CAST(substr(${column}, 1, 99) || x'${'ff00'}' || substr(${column}, 102) AS BLOB)
     WHERE ${which}`
  const SECOND_PAGE = 'id = (SELECT id FROM key_pages ORDER BY id LIMIT 1 OFFSET 1)'

  it('names the segment and how many keys are unknown when a page changed', async () => {
    const store = await openDamaged(flip('key_pages', 'entries', SECOND_PAGE))
    const known = store.known(range(0, 1_260))
    expect(store.known(range(0, 1_260))).toEqual(known)

    expect(store.warnings).toEqual([
      expect.stringMatching(/of the 600 deduplication keys in segment 1, up to \d+ cannot be read/),
    ])
    const [, lost] = /up to (\d+)/.exec(store.warnings[0] as string) as unknown as [string, string]
    expect(known).toHaveLength(1_260 - Number(lost))
    expect(Number(lost)).toBeLessThan(260)
    // Others of the segment, and all that are elsewhere.
    expect(known.filter((event) => event < 600).length).toBeGreaterThan(300)
    expect(known).toEqual(expect.arrayContaining(range(600, 1_260)))
  })

  it('says at every later start what a merge could not read', async () => {
    const store = await openDamaged(flip('key_pages', 'entries', SECOND_PAGE))
    store.add(range(2_000, 2_300))
    store.add(range(2_300, 2_600))
    store.add(range(2_600, 2_700))
    store.mergeAll()
    const known = store.known(range(0, 3_000))
    expect(store.count('key_segments')).toBe(1)
    const [told] = store.warnings
    const [lost] = /up to \d+/.exec(told as string) as unknown as [string]

    store.warnings.length = 0
    await store.reopen()
    expect(store.warnings).toEqual([expect.stringContaining(lost)])
    expect(store.known(range(0, 3_000))).toEqual(known)
  })

  it.each([
    ['first', 'id = (SELECT min(id) FROM key_pages)'],
    ['second', SECOND_PAGE],
    ['last', 'id = (SELECT max(id) FROM key_pages)'],
  ])('notices that the %s page is gone', async (_name, which) => {
    const store = await openDamaged(`DELETE FROM key_pages WHERE ${which}`)
    const known = store.known(range(0, 1_260))

    expect(known.length).toBeLessThan(1_260)
    expect(known.length).toBeGreaterThan(1_000)
    expect(store.warnings).toEqual([expect.stringContaining('cannot be read')])
  })

  it.each([
    ['changed', flip('key_filters', 'bits', 'id = 4294967296')],
    ['gone', 'DELETE FROM key_filters WHERE id = 4294967296'],
    ['cut', 'UPDATE key_filters SET bits = substr(bits, 1, 50) WHERE id = 4294967296'],
  ])('makes a filter anew that is %s', async (_name, damage) => {
    const before = await openDamaged('UPDATE key_filters SET bits = bits WHERE id = 4294967296')
    const whole = before.db.prepare('SELECT * FROM key_filters ORDER BY id').all()
    const store = await openDamaged(damage)

    expect(store.known(range(0, 2_000))).toEqual(range(0, 1_260))
    expect(store.db.prepare('SELECT * FROM key_filters ORDER BY id').all()).toEqual(whole)
    expect(store.warnings).toEqual([])
  })

  it('says at the start which recent keys cannot be read', async () => {
    const store = await openDamaged(flip('key_blocks', 'entries', 'first_event = 1200'))

    expect(store.warnings).toEqual([
      expect.stringContaining('60 deduplication keys of events 1200 to 1259 cannot be read'),
    ])
    store.add(range(3_000, 3_010))
    await store.reopen()
    expect(store.known(range(0, 3_100))).toEqual([...range(0, 1_200), ...range(3_000, 3_010)])
  })
})

describe('prune', () => {
  it('forgets whole hours of receipt before the time', async () => {
    const store = await openStore()
    store.add([1, 2], NOON)
    store.add([3], NOON + HOUR_MS)
    store.add([4], NOON + 2 * HOUR_MS)

    expect(store.prune(NOON + HOUR_MS - 1)).toEqual({
      forgotten: 0,
      prunedThrough: 0,
    })
    expect(store.known([1, 2, 3, 4])).toEqual([1, 2, 3, 4])
    expect(store.prune(NOON + 2 * HOUR_MS + 5)).toEqual({
      forgotten: 3,
      prunedThrough: NOON + 2 * HOUR_MS,
    })
    expect(store.known([1, 2, 3, 4])).toEqual([4])
    await store.reopen()
    expect(store.known([1, 2, 3, 4])).toEqual([4])
    expect(store.count('key_blocks')).toBe(1)
    expect(store.prune(NOON + 2 * HOUR_MS).prunedThrough).toBe(NOON + 2 * HOUR_MS)
  })

  it('forgets all when no batch is young', async () => {
    const store = await openStore()
    store.add([1, 2])

    expect(store.prune(NOON + 5 * HOUR_MS).prunedThrough).toBe(NOON + HOUR_MS)
    expect(store.known([1, 2])).toEqual([])
    store.add([3], NOON + 9 * HOUR_MS)
    expect(store.known([3])).toEqual([3])
  })

  it('does nothing to an empty store', async () => {
    const store = await openStore()
    expect(store.prune(NOON)).toEqual({ forgotten: 0, prunedThrough: 0 })
    store.add([0])
    expect(store.known([0])).toEqual([0])
  })

  it('removes whole segments, and merges leave out what is forgotten', async () => {
    const store = await openStore({ ...SMALL, segmentsPerMerge: 3 })
    for (const page of range(0, 6)) {
      store.add(range(page * 300, page * 300 + 300), NOON + page * HOUR_MS)
      store.mergeAll()
    }
    // Segments of pages 0, 1 and of 2, 3 are on disk; 4, 5 in memory.
    const { forgotten } = store.prune(NOON + 3 * HOUR_MS)
    expect(forgotten).toBe(600)
    expect(store.known(range(0, 1_800))).toEqual(range(900, 1_800))
    store.mergeAll()
    expect(store.count('key_segments')).toBe(1)
    expectNoLeftOvers(store)

    for (const page of range(6, 9)) {
      store.add(range(page * 300, page * 300 + 300), NOON + page * HOUR_MS)
      store.mergeAll()
    }
    expect(store.db.prepare('SELECT level, entries FROM key_segments').all()).toEqual([
      { level: 1, entries: 1_500 },
    ])
    expect(store.known(range(0, 2_700))).toEqual(range(900, 2_700))
    // What is in segments is forgotten by its hour as well.
    expect(store.prune(NOON + 5 * HOUR_MS).prunedThrough).toBe(NOON + 5 * HOUR_MS)
    expect(store.known(range(0, 2_700))).toEqual(range(1_500, 2_700))
  })

  it('forgets nothing when its transaction is rolled back', async () => {
    const store = await openStore()
    for (const page of range(0, 3)) store.add(range(page * 300, page * 300 + 300))
    store.mergeAll()
    store.keys.undoing(() => {
      store.keys.keys.prune(NOON + 3 * HOUR_MS)
      expect(store.known(range(0, 900))).toEqual([])
    })

    store.mergeAll()
    expect(store.known(range(0, 900))).toEqual(range(0, 900))
  })

  it('lets a merge of segments that are forgotten come to its end', async () => {
    const store = await openStore()
    for (const page of range(0, 5)) {
      store.add(range(page * 300, page * 300 + 300), NOON + page * HOUR_MS)
    }
    while (store.count('key_pages WHERE id >= 3 * 4294967296') === 0) store.keys.merge(0)
    expect(store.count('key_segments')).toBe(2)
    store.prune(NOON + 2 * HOUR_MS)
    store.mergeAll()

    expect(store.known(range(0, 1_500))).toEqual(range(600, 1_500))
    expect(store.warnings).toEqual([])
    expectNoLeftOvers(store)
  })

  it.each([
    ['1970', 0],
    ['two years ahead', NOON + 2 * 8_766 * HOUR_MS],
  ])('forgets nothing early after an hour with the clock in %s', async (_name, wrong) => {
    const store = await openStore()
    store.add([1], NOON)
    store.add([2], wrong)
    store.add([3], NOON)
    store.add([4], NOON + HOUR_MS)

    store.prune(NOON + HOUR_MS)
    // The wrong hour counts as the next one that can be right.
    expect(store.known([1, 2, 3, 4])).toEqual([2, 3, 4])
    store.prune(NOON)
    expect(store.known([4])).toEqual([4])
    // It keeps nothing for longer than that.
    store.prune(NOON + 2 * HOUR_MS)
    expect(store.known([1, 2, 3, 4])).toEqual([])
  })

  it('counts an old hour as forgotten only when none of its events is known', async () => {
    const store = await openStore()
    store.add([1], NOON)
    store.add([2], NOON + HOUR_MS)
    // Put into the journal again today, with its old time of receipt.
    store.add([3], NOON)
    store.add([4], NOON + 2 * HOUR_MS)

    expect(store.prune(NOON + 2 * HOUR_MS).prunedThrough).toBe(NOON + 2 * HOUR_MS)
    expect(store.known([1, 2, 3, 4])).toEqual([4])
    store.add([5], NOON)
    expect(store.known([5])).toEqual([5])
    expect(store.prune(NOON + 2 * HOUR_MS).prunedThrough).toBe(NOON + 2 * HOUR_MS)
    expect(store.known([5])).toEqual([5])
  })

  it('never says that keys of an hour ahead are forgotten', async () => {
    const store = await openStore()
    store.add([1], NOON)
    store.add([2], NOON + 2 * 8_766 * HOUR_MS)
    store.add([3], NOON + HOUR_MS)
    store.add([4], NOON + 2 * HOUR_MS)

    expect(store.prune(NOON + 2 * HOUR_MS).prunedThrough).toBe(NOON + 2 * HOUR_MS)
    expect(store.known([1, 2, 3, 4])).toEqual([4])
    expect(store.count('key_marks')).toBe(1)
  })

  it('does not know again what it forgot when the clock goes back', async () => {
    const store = await openStore()
    store.add([1], NOON)
    store.add([2], NOON + HOUR_MS)
    store.prune(NOON + HOUR_MS)
    store.prune(NOON - 5 * HOUR_MS)

    expect(store.known([1, 2])).toEqual([2])
  })
})
