import { afterEach, describe, expect, it, vi } from 'vitest'
import { ReceiverError } from '../../src/errors.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import type { Timers } from '../../src/unpack/alarm.ts'
import { createUnpacker, type Unpacker, type UnpackerOptions } from '../../src/unpack/unpacker.ts'
import { createMemoryStore, type Faults, type MemoryStore } from './memory-store.ts'
import { openBatch, textOf } from './open-batch.ts'

const running: Unpacker[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((unpacker) => unpacker.stop()))
})

/** Timers that count what is pending; `isHurried` makes every wait end at once. */
function countTimers(isHurried: boolean) {
  const pending = new Set<unknown>()
  const waits: number[] = []
  const timers: Timers = {
    setTimeout(callback, ms) {
      waits.push(ms)
      const timer = setTimeout(
        () => {
          pending.delete(timer)
          callback()
        },
        isHurried ? 1 : ms,
      )
      pending.add(timer)
      return timer
    },
    clearTimeout(timer) {
      pending.delete(timer)
      clearTimeout(timer as NodeJS.Timeout)
    },
  }
  return { timers, pending, waits }
}

function start(store: MemoryStore, overrides: Partial<UnpackerOptions> = {}, isHurried = true) {
  const log = { batchUnpacked: vi.fn(), unpackFailed: vi.fn() }
  const { timers, pending, waits } = countTimers(isHurried)
  let time = 0
  const unpacker = createUnpacker({
    store,
    providers: PROVIDERS,
    routes: () => ['all'],
    log,
    now: () => (time += 5),
    leaseMs: 30_000,
    idleMs: 60_000,
    timers,
    ...overrides,
  })
  running.push(unpacker)
  unpacker.start()
  return { unpacker, log, pending, waits }
}

const eventTexts = (count: number) =>
  Array.from({ length: count }, (_, n) => JSON.stringify({ event: 'open', event_id: `id-${n}` }))
const body = (count: number) => `{"events":[${eventTexts(count)}]}`
const busy = () => new ReceiverError('store_busy')

describe('createUnpacker', () => {
  it('unpacks batch after batch and reports the sum of the receipts', async () => {
    const store = createMemoryStore()
    store.add(openBatch(body(1201)))
    store.add(openBatch(`${eventTexts(3).join('\n')}\nbad`, { id: 'batch-2' }))
    const { log } = start(store)

    await vi.waitFor(() => expect(store.closed).toEqual(['batch-1', 'batch-2']))

    expect(store.events).toHaveLength(1204)
    const zero = { duplicates: 0, conflicts: 0, stale: 0 }
    const opens = (stored: number) => [{ ...zero, type: 'open', stored }]
    expect(log.batchUnpacked.mock.calls.flat()).toEqual([
      {
        batch: 'batch-1',
        source: 'mailtrap',
        durationMs: 5,
        receipt: { ...zero, stored: 1201, quarantined: 0, types: opens(1201) },
      },
      {
        batch: 'batch-2',
        source: 'mailtrap',
        durationMs: 5,
        receipt: { ...zero, stored: 3, quarantined: 1, types: opens(3) },
      },
    ])
    expect(log.unpackFailed).not.toHaveBeenCalled()
  })

  it('looks again at a hint for batches, and not at one for jobs', async () => {
    const store = createMemoryStore()
    const { waits } = start(store, {}, false)
    await vi.waitFor(() => expect(waits).toEqual([60_000]))

    store.hint('jobs')
    store.add(openBatch(body(1)))

    await vi.waitFor(() => expect(store.closed).toHaveLength(1))
    await vi.waitFor(() => expect(waits).toHaveLength(2))
    expect(store.calls.takeBatch).toBe(3)
  })

  it('looks again without a hint after the idle time', async () => {
    const store = createMemoryStore()
    start(store, { idleMs: 7 })
    await vi.waitFor(() => expect(store.calls.takeBatch).toBeGreaterThan(3))
  })

  it('drops a batch whose pieces somebody else has unpacked meanwhile', async () => {
    const store = createMemoryStore({
      commitChunk: ({ fromPiece }) => {
        if (fromPiece === 0) store.add(openBatch(body(600), { unpackedPieces: 600 }))
      },
    })
    store.add(openBatch(body(600)))
    const { log } = start(store)
    await vi.waitFor(() => expect(store.calls.takeBatch).toBeGreaterThan(2))
    expect(store.calls.commitChunk).toHaveLength(1)
    expect(store.events).toEqual([])
    expect(log.batchUnpacked).not.toHaveBeenCalled()
    expect(log.unpackFailed).not.toHaveBeenCalled()
  })

  it('finishes the chunk under way when it stops, and leaves no timer or listener', async () => {
    let release = () => {}
    const store = createMemoryStore({
      commitChunk: () => new Promise<void>((resolve) => (release = resolve)),
    })
    store.add(openBatch(body(2000)))
    const { unpacker, pending, log } = start(store)
    await vi.waitFor(() => expect(store.calls.commitChunk).toHaveLength(1))

    const stopped = unpacker.stop()
    release()
    await stopped

    expect(store.events).toHaveLength(500)
    expect(store.calls.commitChunk).toHaveLength(1)
    expect(log.batchUnpacked).not.toHaveBeenCalled()
    expect([pending.size, store.listeners]).toEqual([0, 0])
  })

  it.each([
    ['idle', {}],
    [
      'backing off',
      {
        takeBatch: () => {
          throw busy()
        },
      },
    ],
  ] satisfies [string, Faults][])('stops at once while %s', async (_, faults) => {
    const { unpacker, pending, waits } = start(createMemoryStore(faults), {}, false)
    await vi.waitFor(() => expect(waits.length).toBeGreaterThan(0))
    await unpacker.stop()
    expect(pending.size).toBe(0)
  })

  it('stops without having been started', async () => {
    const { timers } = countTimers(false)
    const log = { batchUnpacked: vi.fn(), unpackFailed: vi.fn() }
    const store = createMemoryStore()
    const options = {
      store,
      providers: PROVIDERS,
      routes: () => [],
      log,
      leaseMs: 1,
      idleMs: 1,
      timers,
    }
    await createUnpacker({ ...options, now: () => 0 }).stop()
    expect(store.calls.takeBatch).toBe(0)
  })
})

describe('createUnpacker with a store in trouble', () => {
  it('goes on once batches can be taken again, waiting longer each time', async () => {
    const store = createMemoryStore({
      takeBatch: (call) => {
        if (call <= 8) throw busy()
      },
    })
    store.add(openBatch(body(3)))
    const { log, waits } = start(store)
    await vi.waitFor(() => expect(store.events).toHaveLength(3))
    expect(waits.slice(0, 8)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000])
    expect(log.unpackFailed).toHaveBeenCalledTimes(8)
    expect(log.unpackFailed).toHaveBeenCalledWith({
      batch: 'none',
      error: expect.stringContaining('could not do its work in time'),
    })
  })

  it('goes on with the chunk that could not be stored', async () => {
    let failures = 2
    const store = createMemoryStore({
      commitChunk: ({ fromPiece }) => {
        if (fromPiece === 500 && failures-- > 0) throw busy()
      },
    })
    store.add(openBatch(body(1200)))
    const { log } = start(store)
    await vi.waitFor(() => expect(store.closed).toHaveLength(1))
    expect(store.events.map(({ position }) => position)).toEqual(
      Array.from({ length: 1200 }, (_, n) => n),
    )
    expect(store.unreadable).toEqual([])
    expect(log.batchUnpacked.mock.calls[0]?.[0].receipt.stored).toBe(1200)
  })

  it('leaves a batch to the end of its lease rather than put it into quarantine', async () => {
    let isBusy = true
    const store = createMemoryStore({
      commitChunk: ({ batch }) => {
        if (isBusy && batch === 'batch-1') throw busy()
      },
    })
    store.add(openBatch(body(1)))
    store.add(openBatch(body(1), { id: 'batch-2' }))
    start(store)
    await vi.waitFor(() => expect(store.closed).toEqual(['batch-2']))

    isBusy = false
    store.endLeases()
    await vi.waitFor(() => expect(store.closed).toEqual(['batch-2', 'batch-1']))
    expect(store.unreadable).toEqual([])
  })
})

describe('createUnpacker with a store that takes nothing', () => {
  const full = () => new ReceiverError('store_full')

  it.each<[string, () => ReceiverError, Faults['probe']]>([
    ['is full', full, () => {}],
    [
      'fails at everything',
      busy,
      () => {
        throw busy()
      },
    ],
  ])('waits with the batch while it %s, and goes on at once', async (_, failure, probe) => {
    let isDown = true
    const store = createMemoryStore({
      commitChunk: () => {
        if (isDown) throw failure()
      },
      probe: () => {
        if (isDown) probe?.()
      },
    })
    store.add(openBatch(body(1)))
    const { log, waits } = start(store)
    await vi.waitFor(() => expect(log.unpackFailed.mock.calls.length).toBeGreaterThan(10))
    expect(Math.max(...waits)).toBe(5_000)
    expect(store.calls.takeBatch).toBe(1)

    isDown = false
    await vi.waitFor(() => expect(store.closed).toEqual(['batch-1']))
    expect(store.unreadable).toEqual([])
  })
})

describe('createUnpacker with content that cannot be stored', () => {
  it('stores the neighbours of an event that the store refuses, and keeps that in quarantine', async () => {
    const store = createMemoryStore({
      commitChunk: ({ events }) => {
        if (events.some(({ eventId }) => eventId === 'id-7')) throw new Error('not for me')
      },
    })
    const text = `[${eventTexts(10)},bad]`
    store.add(openBatch(text))
    const { log } = start(store)
    await vi.waitFor(() => expect(store.closed).toEqual(['batch-1']))
    expect(store.events.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9])
    expect(store.unreadable.map(({ reason, position }) => [reason, position])).toEqual([
      ['corrupt', 7],
      ['invalid_json', 10],
    ])
    const refused = store.unreadable[0]
    expect(textOf(refused?.bytes ?? new Uint8Array())).toBe(eventTexts(8)[7])
    expect(refused?.byteOffset).toBe(text.indexOf('id-7') - '{"event":"open","event_id":"'.length)
    expect(log.batchUnpacked.mock.calls[0]?.[0].receipt).toMatchObject({
      stored: 9,
      quarantined: 2,
    })
  })

  it('puts a piece on which our own code fails three times into quarantine, and goes on', async () => {
    const store = createMemoryStore()
    const routes = vi.fn(({ type }: { type: string }) => {
      if (type === 'bug') throw new SyntaxError('Unexpected "bug@example.com"')
      return ['all']
    })
    const poison = `${eventTexts(700).join('\n')}\n{"event":"bug"}\n{"event":"open"}`
    store.add(openBatch(poison))
    store.add(openBatch(body(1), { id: 'batch-2' }))
    const { log } = start(store, { routes })
    await vi.waitFor(() => expect(store.closed).toEqual(['batch-1', 'batch-2']))
    expect(store.events).toHaveLength(702)
    expect(store.unreadable).toMatchObject([{ reason: 'corrupt', position: 700, pieces: 1 }])
    expect(textOf(store.unreadable[0]?.bytes ?? new Uint8Array())).toBe('{"event":"bug"}')
    expect(log.unpackFailed.mock.calls.flat()).toEqual(
      Array(2).fill({ batch: 'batch-1', error: 'SyntaxError' }),
    )
  })

  it('recovers when our own code fails once', async () => {
    let calls = 0
    const store = createMemoryStore()
    store.add(openBatch(body(700)))
    start(store, {
      routes: () => {
        if (++calls === 600) throw new RangeError('out of memory')
        return ['all']
      },
    })
    await vi.waitFor(() => expect(store.closed).toEqual(['batch-1']))
    expect(store.events).toHaveLength(700)
    expect(store.unreadable).toEqual([])
  })

  it('does not spin on a batch that cannot even be put into quarantine', async () => {
    const store = createMemoryStore({
      commitChunk: ({ batch }) => {
        if (batch === 'batch-1') throw new Error('not for me')
      },
    })
    store.add(openBatch(body(2)))
    store.add(openBatch(body(1), { id: 'batch-2' }))
    const { log } = start(store)
    await vi.waitFor(() => expect(store.closed).toEqual(['batch-2']))
    expect(log.unpackFailed.mock.calls.flat().every(({ batch }) => batch === 'batch-1')).toBe(true)
    expect(log.unpackFailed).toHaveBeenCalledTimes(4)
  })
})
