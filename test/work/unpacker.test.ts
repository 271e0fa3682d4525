import { describe, expect, it } from 'vitest'
import { ReceiverError } from '../../src/errors.ts'
import type { BatchReceipt } from '../../src/observe/observer.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import type { OpenRun } from '../../src/store/store.ts'
import type { Routes } from '../../src/unpack/read-batch.ts'
import { type PreparedPage, Unpacker, type UnpackerParts } from '../../src/work/unpacker.ts'
import { createMemoryStore, type Faults } from './memory-store.ts'

const LEASE_MS = 60_000

/** An unpacker on a store in memory, and what it has told. */
function build(faults: Faults = {}, overrides: Partial<UnpackerParts> = {}) {
  const memory = createMemoryStore(faults)
  const receipts: [batch: string, receipt: BatchReceipt][] = []
  const failures: string[] = []
  const opened: OpenRun[] = []
  const time = { now: 0 }
  const unpacker = new Unpacker({
    store: memory.store,
    providers: PROVIDERS,
    observer: {
      batchUnpacked: ({ batch, receipt }) => receipts.push([batch, receipt]),
      unpackFailed: ({ error }) => failures.push(error),
    },
    now: () => time.now,
    leaseMs: LEASE_MS,
    opens: () => true,
    readingMs: 8,
    ...overrides,
  })
  const follow = (
    routes: Routes = () => ['all'],
    redaction?: Parameters<Unpacker['follow']>[0]['redaction'],
  ) => unpacker.follow({ routes, redaction })

  const memoryCommit = (prepared: readonly PreparedPage[]) =>
    memory.store.commit({ pages: prepared.map(({ page }) => page), progress: [], jobs: [] })

  /** One turn of the loop; false when there was nothing. */
  async function turn(events = 500): Promise<boolean> {
    const prepared = await unpacker.prepare(events)
    if (prepared.length === 0) return false
    let results: ReturnType<typeof memory.store.commit>
    try {
      results = memoryCommit(prepared)
    } catch (error) {
      const isToBlame = !(error instanceof ReceiverError && error.code === 'store_full')
      unpacker.giveBack(prepared, { isToBlame })
      return true
    }
    await unpacker.settle(prepared, results.pages, (runs) => opened.push(...runs))
    unpacker.release(prepared)
    return true
  }
  async function run(events?: number): Promise<void> {
    for (let turns = 0; await turn(events); turns++) expect(turns).toBeLessThan(1_000)
  }
  return { ...memory, unpacker, receipts, failures, opened, follow, memoryCommit, turn, run, time }
}

const bodyOf = (...ids: string[]) =>
  JSON.stringify({ events: ids.map((id) => ({ event: 'open', event_id: id })) })

describe('the unpacker', () => {
  it('unpacks nothing before it is told who wants what', async () => {
    const { add, turn, follow, stored } = build()
    add(bodyOf('a'))
    expect(await turn()).toBe(false)
    follow()
    expect(await turn()).toBe(true)
    expect(stored).toHaveLength(1)
  })

  it('unpacks batch after batch and tells of each what came of it', async () => {
    const { add, run, follow, receipts } = build()
    follow()
    add(bodyOf('a', 'b', 'a'))
    add('{"event":"open","event_id":"b"}\nrubbish')
    await run()
    const nothing = { duplicates: 0, conflicts: 0, stale: 0, quarantined: 0 }
    expect(receipts).toMatchObject([
      ['batch-1', { ...nothing, stored: 2, duplicates: 1, types: [{ type: 'open', stored: 2 }] }],
      ['batch-2', { ...nothing, stored: 0, duplicates: 1, quarantined: 1 }],
    ])
  })

  it('puts small batches together, and cuts large ones', async () => {
    const { add, turn, follow, stored } = build()
    follow()
    for (let n = 0; n < 10; n++) add(bodyOf(`a${n}`))
    add(bodyOf(...Array.from({ length: 1_200 }, (_, n) => `b${n}`)))
    await turn()
    expect(stored.map(({ events }) => events.length)).toEqual([...Array<number>(10).fill(1), 500])
    await turn()
    await turn()
    expect(stored.slice(11).map(({ events }) => events.length)).toEqual([500, 200])
    expect(stored.at(-1)).toMatchObject({ fromPiece: 1_000, toPiece: 1_200, isLast: true })
  })

  it('drops a batch whose pieces somebody else has unpacked meanwhile', async () => {
    let isTaken = true
    const { add, run, follow, events, waiting, unpacker } = build({
      page: (page) => (isTaken && page.batch.seq === 1 ? { kind: 'taken' } : undefined),
    })
    follow()
    add(bodyOf('a'))
    add(bodyOf('b'))
    await unpacker
      .prepare(1)
      .then((prepared) => unpacker.settle(prepared, [{ kind: 'taken' }], () => {}))
    expect(unpacker.held()).not.toContain(1)
    isTaken = false
    unpacker.lookAgain()
    await run()
    expect(waiting()).toEqual([])
    expect(events()).toHaveLength(2)
  })

  it('decides again when a key became known meanwhile', async () => {
    let races = 2
    const { add, run, follow, events } = build({
      page: () => (races-- > 0 ? { kind: 'raced' } : undefined),
    })
    follow()
    add(bodyOf('a', 'b'))
    await run()
    expect(events().map(({ eventId }) => eventId)).toEqual(['a', 'b'])
  })

  it('goes on with the page that could not be stored', async () => {
    let failures = 3
    const { add, run, follow, events } = build({
      page: () => {
        if (failures-- > 0) throw new ReceiverError('store_full')
        return undefined
      },
    })
    follow()
    add(bodyOf('a'))
    add(bodyOf('b'))
    await run()
    expect(events().map(({ eventId }) => eventId)).toEqual(['a', 'b'])
  })

  it('lets a batch wait that the store cannot take again and again, and never quarantines it', async () => {
    let isPoisoned = true
    const { add, turn, follow, events, stored, time } = build({
      page: ({ batch }) => {
        if (isPoisoned && batch.seq === 1) throw new ReceiverError('store_busy')
        return undefined
      },
    })
    follow()
    add(bodyOf('a'))
    add(bodyOf('b'))
    for (let n = 0; n < 10; n++) await turn()
    expect(events().map(({ eventId }) => eventId)).toEqual(['b'])
    isPoisoned = false
    time.now = LEASE_MS + 1
    await turn()
    expect(events().map(({ eventId }) => eventId)).toEqual(['b', 'a'])
    expect(stored.flatMap(({ unreadable }) => unreadable)).toEqual([])
  })

  it('lets it wait a second at first, longer each time that it fails again, and never beyond a lease', async () => {
    const tries: number[] = []
    const { add, turn, follow, time } = build({
      page: () => {
        tries.push(time.now)
        throw new ReceiverError('store_busy')
      },
    })
    follow()
    add(bodyOf('a'))
    for (time.now = 0; time.now < 240_000; time.now += 500) await turn()
    const seconds = [0, 0.5, 1, 2, 4, 8, 16, 32, 64, 124, 184]
    expect(tries).toEqual(seconds.map((second) => second * 1_000))
  })

  it('counts the failures of one page of a batch, not those of all', async () => {
    let turns = 0
    const { add, turn, follow, stored } = build({
      page: () => {
        if (++turns % 3 > 0) throw new ReceiverError('store_busy')
        return undefined
      },
    })
    follow()
    add(bodyOf(...Array.from({ length: 2_000 }, (_, n) => `id-${n}`)))
    for (let n = 0; n < 12; n++) await turn()
    expect(stored).toHaveLength(4)
  })

  it('stores the neighbours of an event that the store refuses, and keeps that in quarantine', async () => {
    const error = new ReceiverError('store_refused')
    const { add, run, follow, stored, receipts } = build({
      page: ({ events }) =>
        events.some(({ eventId }) => eventId === 'bad') ? { kind: 'refused', error } : undefined,
    })
    follow()
    add(bodyOf('a', 'bad', 'b'))
    await run()
    expect(stored.flatMap(({ events }) => events.map(({ eventId }) => eventId))).toEqual(['a', 'b'])
    expect(stored.flatMap(({ unreadable }) => unreadable)).toMatchObject([
      { reason: 'corrupt', position: 1, pieces: 1 },
    ])
    expect(receipts).toMatchObject([['batch-1', { stored: 2, quarantined: 1, duplicates: 0 }]])
  })

  it('puts a piece on which our own code fails three times into quarantine, and goes on', async () => {
    const { add, run, follow, stored, failures } = build()
    follow(({ type }) => {
      if (type === 'click') throw new Error('a fault of ours')
      return []
    })
    add('[{"event":"open"},{"event":"click"}]')
    add(bodyOf('next'))
    await run()
    expect(failures).toEqual(Array(2).fill('Error: a fault of ours'))
    expect(stored.flatMap(({ unreadable }) => unreadable)).toMatchObject([
      { reason: 'corrupt', position: 1 },
    ])
    expect(stored.flatMap(({ events }) => events)).toHaveLength(2)
  })

  it('recovers when our own code fails once', async () => {
    let hasFailed = false
    const { add, run, follow, events, failures } = build()
    follow(() => {
      if (hasFailed) return []
      hasFailed = true
      throw new Error('once')
    })
    add(bodyOf('a', 'b'))
    await run()
    expect(events()).toHaveLength(2)
    expect(failures).toHaveLength(1)
  })

  it('opens runs for handlers that have room, and none behind one that has to wait', async () => {
    const asked: [string, number][] = []
    const { add, run, follow, opened, stored } = build(
      {},
      {
        opens: (handler, events) => {
          asked.push([handler, events])
          return events <= 2
        },
      },
    )
    follow(({ type }) => (type === 'open' ? ['all', 'opens'] : ['all']))
    add(bodyOf('a', 'b'))
    add(bodyOf('c'))
    add('{"event":"click","event_id":"d"}')
    await run()
    expect(stored.map(({ opensFor }) => [...opensFor])).toEqual([['all', 'opens'], [], []])
    expect(asked).toEqual([
      ['all', 2],
      ['opens', 2],
      ['all', 3],
      ['opens', 3],
    ])
    expect(opened).toMatchObject([
      { handler: 'all', opened: 1, events: [{ event: 2 ** 20 }, { event: 2 ** 20 + 1 }] },
      { handler: 'opens' },
    ])
    const [run1] = opened
    const texts = run1?.events.map(({ start, bytes }) =>
      Buffer.from(run1.body.subarray(start, start + bytes)).toString(),
    )
    expect(texts).toEqual(['{"event":"open","event_id":"a"}', '{"event":"open","event_id":"b"}'])
  })

  it('replaces the body of a batch of which not everything is kept, all at once', async () => {
    const { add, turn, follow, stored, opened } = build()
    follow(() => ['all'], { key: 'k', common: { drop: ['ip'], hash: [] }, bySource: {} })
    add(JSON.stringify({ events: [{ event: 'open', ip: '192.0.2.1' }, { event: 'click' }] }))
    await turn()
    const [page] = stored
    expect(Buffer.from(page?.replacement?.body ?? []).toString()).toBe(
      '{"event":"open"}\n{"event":"click"}\n',
    )
    expect(page).toMatchObject({ isLast: true, events: [{ start: 0, bytes: 16 }, { start: 17 }] })
    expect(opened[0]?.body).toBe(page?.replacement?.body)
  })

  it.each([
    ['its keys are looked up', 0],
    ['its page is stored', 1],
  ])('replaces the body of a batch also when other rules come while %s', async (_when, moment) => {
    const redaction = { key: 'k', common: { drop: ['ip'], hash: [] }, bySource: {} }
    const change = () => follow(() => ['all', 'later'], redaction)
    const readBackfilled = async () => {
      if (moment === 0) change()
      return undefined
    }
    const { add, unpacker, follow, memoryCommit, opened } = build({}, { readBackfilled })
    follow(() => ['all'], redaction)
    add(JSON.stringify({ events: [{ event: 'open', ip: '192.0.2.1' }, { event: 'click' }] }))
    const prepared = await unpacker.prepare(500)
    const { pages } = memoryCommit(prepared)
    if (moment === 1) change()
    await unpacker.settle(prepared, pages, (runs) => opened.push(...runs))
    const kept = '{"event":"open"}\n{"event":"click"}\n'
    expect(
      prepared.map(({ page }) => Buffer.from(page.replacement?.body ?? []).toString()),
    ).toEqual([kept])
    expect(opened.map(({ body }) => Buffer.from(body).toString())).toEqual([kept])
  })

  it('leaves the body alone of which a part is stored: it was replaced with the first page', async () => {
    const redaction = { key: 'k', common: { drop: ['ip'], hash: [] }, bySource: {} }
    const { add, unpacker, follow, memoryCommit, turn, stored } = build()
    follow(() => ['all'], redaction)
    const ids = Array.from({ length: 700 }, (_, n) => `id-${n}`)
    const events = ids.map((id) => ({ event: 'open', event_id: id, ip: '192.0.2.1' }))
    add(JSON.stringify({ events }))
    const prepared = await unpacker.prepare(500)
    const { pages } = memoryCommit(prepared.slice(0, 1))
    await unpacker.settle(prepared, [...pages, { kind: 'raced' }], () => {})
    unpacker.release(prepared)
    await turn()
    expect(stored.map(({ replacement }) => replacement !== undefined)).toEqual([true, false])
    const body = Buffer.from(stored[0]?.replacement?.body ?? [])
    const texts = stored.flatMap((page) =>
      page.events.map(({ start, bytes }) => body.subarray(start, start + bytes).toString()),
    )
    expect(texts).toEqual(ids.map((id) => `{"event":"open","event_id":"${id}"}`))
  })

  it('prepares others while some are stored, and counts what those are to be handed', async () => {
    const asked: number[] = []
    const opens = (_: string, events: number) => asked.push(events) > 0 && events <= 3
    const { unpacker, add, follow } = build({}, { opens })
    follow()
    for (const ids of [['a', 'b'], ['c'], ['d'], ['e']]) add(bodyOf(...ids))
    const prepare = () => unpacker.prepare(1)
    const [first, second] = [await prepare(), await prepare()]
    expect(unpacker.hasRoom(['all'], 1)).toBe(false)
    const third = await prepare()
    const all = [first, second, third].flat()
    expect(all.map(({ page }) => page.batch.seq)).toEqual([1, 2, 3])
    expect(all.map(({ page }) => page.opensFor.has('all'))).toEqual([true, true, false])
    expect(asked).toEqual([2, 3, 4, 4])
    unpacker.giveBack(first, { isToBlame: false })
    // Behind one that has to wait, the next waits too.
    expect(unpacker.hasRoom(['all'], 1)).toBe(false)
    unpacker.release(third)
    expect(unpacker.hasRoom(['all'], 1)).toBe(true)
    expect((await prepare()).map(({ page }) => page.batch.seq)).toEqual([1])
  })

  it('reads batches under way anew by other rules', async () => {
    const { add, turn, follow, stored } = build()
    follow(() => ['before'])
    add(bodyOf(...Array.from({ length: 700 }, (_, n) => `id-${n}`)))
    await turn()
    follow(() => ['after'])
    await turn()
    expect(stored.map(({ events }) => events[0]?.handlers)).toEqual([['before'], ['after']])
    expect(stored.map(({ fromPiece, toPiece }) => [fromPiece, toPiece])).toEqual([
      [0, 500],
      [500, 700],
    ])
  })
})
