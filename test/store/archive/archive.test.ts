import { beforeEach, describe, expect, it, vi } from 'vitest'
import { eventIdOf } from '../../../src/store/event-id.ts'
import { encodeEntries, wordsOf } from '../../../src/store/sqlite/key-entries.ts'
import type { Archive, EventQuery, JobQuery, Page } from '../../../src/store/store.ts'
import { NOW, openScratchStore, type ScratchStore } from './scratch-store.ts'

let store: ScratchStore
let archive: Archive
beforeEach(async () => {
  store = await openScratchStore()
  archive = store.archive
  return () => store.db.close()
})

const events = (count: number, row = {}) => Array.from({ length: count }, () => row)

async function readAll<Row>(list: (query: { cursor?: string }) => Promise<Page<Row>>) {
  const rows: Row[] = []
  for (let cursor: string | undefined, pages = 0; pages === 0 || cursor; pages++) {
    const page = await list(cursor ? { cursor } : {})
    rows.push(...page.rows)
    cursor = page.cursor
    expect(pages).toBeLessThan(1_000)
  }
  return rows
}
const findEvents = async (query: EventQuery) =>
  (await readAll((page) => archive.listEvents({ limit: 7, ...query, ...page }))).map(({ id }) =>
    Number(id),
  )
const findJobs = async (query: JobQuery) =>
  (await readAll((page) => archive.listJobs({ limit: 7, ...query, ...page }))).map(
    ({ event, handler, state }) => `${event} ${handler} ${state}`,
  )

const line = (attempt: object) => `${JSON.stringify(attempt)}\n`

describe('the state of an event', () => {
  it('follows from its job rows first, then from the newest run that has it', async () => {
    const [a, b, c, d, e, f, g] = store.addBatch(1, [...events(6), { verdict: 'conflict' }]) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    store.addRun({ handler: 'one', wanted: [a, b, c, d], done: [a], failed: [b, c] })
    store.addJob(b, 'one', { state: 'done' })
    store.addJob(c, 'one', { state: 'dead' })
    // Replayed: what the older run says does not count any more.
    store.addRun({ handler: 'two', wanted: [e, f], done: [e, f] })
    store.addRun({ handler: 'two', wanted: [e] })
    // Pending for one handler is pending, whatever became of the others.
    store.addRun({ handler: 'two', wanted: [c], done: [c] })
    store.addJob(f, 'one', { state: 'pending', due_at: NOW })

    const states = (await archive.listEvents({})).rows.map(({ id, state }) => [Number(id), state])
    expect(states).toEqual([
      [g, 'conflict'],
      [f, 'pending'],
      [e, 'pending'],
      [d, 'pending'],
      [c, 'dead'],
      [b, 'done'],
      [a, 'done'],
    ])
    expect(await findEvents({ state: 'pending' })).toEqual([f, e, d])
    expect(await findEvents({ state: 'dead' })).toEqual([c])
    expect(await findEvents({ state: 'done' })).toEqual([b, a])
    expect(await findEvents({ state: 'done', type: 'open' })).toEqual([b, a])
    expect(await findEvents({ state: 'conflict' })).toEqual([g])
    const { byState } = (await archive.stats()).events
    expect(byState).toMatchObject({ pending: 3, dead: 1 })
  })

  it('is dead when what failed has no job row any more', async () => {
    const [event] = store.addBatch(1, events(1)) as [number]
    store.addRun({ handler: 'one', wanted: [event], failed: [event] })
    expect((await archive.getEvent(String(event)))?.state).toBe('dead')
  })
})

describe('an event', () => {
  it('has the bytes of its body, or of a job once the body is gone', async () => {
    const [first, second] = store.addBatch(3, events(2)) as [number, number]
    expect((await archive.getEvent(String(second)))?.payload).toBe('{"n":"ä3.1"}')
    store.addJob(first, 'one')
    store.db.exec('DELETE FROM bodies')
    expect((await archive.getEvent(String(first)))?.payload).toBe(`carried ${first}`)
    expect((await archive.getEvent(String(second)))?.payload).toBe('')
    expect(await archive.getEvent(`${first}.0`)).toBeUndefined()
  })

  it('tells of its batch, and spells an id that is its key', async () => {
    const key = Buffer.from('0123456789abcdef0123456789abcdef', 'hex')
    const [event] = store.addBatch(5, [{ event_id: '', key, recipient: 'ann@example.com' }], {
      source: 'audit',
      received_at: 77,
    }) as [number]
    expect(await archive.getEvent(String(event))).toMatchObject({
      id: String(event),
      batch: 'batch-5',
      source: 'audit',
      position: 0,
      eventId: '01234567-89ab-cdef-0123-456789abcdef',
      recipient: 'ann@example.com',
      messageId: undefined,
      receivedAt: 77,
    })
  })
})

describe('the jobs of an event', () => {
  it('tell of attempts that were simply done, also before a replay', async () => {
    const [event] = store.addBatch(1, events(1)) as [number]
    const run = { handler: 'one', wanted: [event], done: [event] }
    store.addRun({ ...run, openedAt: NOW - 9_000, endedAfterMs: 1_200, tookMs: 42 })
    store.addRun({ ...run, openedAt: NOW - 5_000, endedAfterMs: 300, tookMs: 7, opened: 2 })
    expect((await archive.getEvent(String(event)))?.jobs).toEqual([
      {
        event: String(event),
        handler: 'one',
        state: 'done',
        attempt: 2,
        dueAt: undefined,
        lastError: undefined,
        attempts: [
          { attempt: 1, outcome: 'done', endedAt: NOW - 7_800, durationMs: 42, error: undefined },
          { attempt: 2, outcome: 'done', endedAt: NOW - 4_700, durationMs: 7, error: undefined },
        ],
      },
    ])
  })

  it('tell of failures with their errors, and of the success behind them', async () => {
    const [event] = store.addBatch(1, events(1)) as [number]
    store.addRun({ handler: 'one', wanted: [event], failed: [event] })
    const failed = { attempt: 1, outcome: 'retry', endedAt: NOW - 9, durationMs: 3, error: 'busy' }
    store.addJob(event, 'one', {
      ...{ state: 'done', attempt: 2, ended_at: NOW, duration_ms: 4 },
      // Of a long record the beginning is cut off.
      failures: `"error":"cut"}\n${line(failed)}`,
    })
    const [job] = (await archive.getEvent(String(event)))?.jobs ?? []
    expect(job).toMatchObject({ state: 'done', attempt: 2, lastError: 'busy' })
    expect(job?.attempts).toEqual([
      failed,
      { attempt: 2, outcome: 'done', endedAt: NOW, durationMs: 4, error: undefined },
    ])
  })

  it('keep the success of a run when the event is replayed by itself', async () => {
    const [event] = store.addBatch(1, events(1)) as [number]
    store.addRun({ handler: 'one', wanted: [event], done: [event], tookMs: 5 })
    store.addJob(event, 'one', { state: 'pending', attempt: 0, due_at: NOW })
    expect((await archive.getEvent(String(event)))?.jobs).toMatchObject([
      { state: 'pending', attempt: 0, dueAt: NOW, attempts: [{ attempt: 1, durationMs: 5 }] },
    ])
  })

  it('wait in a run without an attempt until it is opened', async () => {
    const [event] = store.addBatch(1, events(1)) as [number]
    store.addRun({ handler: 'one', wanted: [event], opened: 0 })
    store.addRun({ handler: 'two', wanted: [event], opened: 1 })
    expect((await archive.getEvent(String(event)))?.jobs).toMatchObject([
      { handler: 'one', state: 'pending', attempt: 0, attempts: [] },
      { handler: 'two', state: 'pending', attempt: 1, attempts: [] },
    ])
  })

  it('are listed newest event first, from bits and rows alike, a page at a time', async () => {
    const expected: string[] = []
    for (let seq = 1; seq <= 20; seq++) {
      const ids = store.addBatch(seq, events(5)) as [number, number, number, number, number]
      const [a, b, c, d, e] = ids
      store.addRun({ handler: 'one', wanted: ids, done: [a, b], failed: [c, d] })
      store.addRun({ handler: 'two', wanted: [e], done: [e] })
      store.addJob(c, 'one')
      store.addJob(d, 'one', { state: 'pending', due_at: NOW })
      expected.push(`${a} one done`, `${b} one done`, `${c} one dead`, `${d} one pending`)
      expected.push(`${e} one pending`, `${e} two done`)
    }
    expected.reverse()
    const ending = (end: string) => expected.filter((job) => job.endsWith(end))
    expect(await findJobs({})).toEqual(expected)
    for (const state of ['pending', 'done', 'dead'] as const) {
      expect(await findJobs({ state })).toEqual(ending(state))
      expect(await findJobs({ state, handler: 'one' })).toEqual(ending(`one ${state}`))
    }
    expect(await findJobs({ handler: 'two' })).toEqual(ending('two done'))
    expect(await findJobs({ handler: 'nobody' })).toEqual([])
  })
})

describe('a search', () => {
  const fill = (batches: number) => {
    for (let seq = 1; seq <= batches; seq++) {
      const own = { recipient: `user${seq}@example.com`, message_id: `m${seq}` }
      const ann = { recipient: 'ann@example.com', type: 'bounce' }
      store.addBatch(seq, [own, own, ann], seq % 10 === 0 ? { source: 'audit' } : {})
    }
  }

  it('finds a recipient and a message wherever they are', async () => {
    fill(300)
    expect(await findEvents({ recipient: 'User7@Example.com' })).toEqual([
      eventIdOf(7, 1),
      eventIdOf(7, 0),
    ])
    expect(await findEvents({ messageId: 'm300' })).toHaveLength(2)
    const ann = Array.from({ length: 300 }, (_, n) => eventIdOf(300 - n, 2))
    expect(await findEvents({ recipient: 'ann@example.com' })).toEqual(ann)
    expect(await findEvents({ recipient: 'ann@example.com', type: 'bounce' })).toEqual(ann)
    expect(await findEvents({ recipient: 'ann@example.com', type: 'open' })).toEqual([])
    expect(await findEvents({ type: 'bounce', source: 'audit' })).toEqual(
      ann.filter((_, n) => n % 10 === 0),
    )
  })

  it('finds what was unpacked later than its number says', async () => {
    fill(40)
    const own = { recipient: 'user41@example.com', message_id: 'm41' }
    const late = store.addBatch(2_000, [own, own])
    store.addBatch(41, [own, own])
    const early = [eventIdOf(41, 1), eventIdOf(41, 0)]
    expect(await findEvents({ messageId: 'm41' })).toEqual([...late.toReversed(), ...early])
    expect(await findEvents({ recipient: 'user40@example.com' })).toHaveLength(2)
  })

  it('ends when time is up, and its cursor goes on', async () => {
    fill(200)
    store.slowDown(60)
    const page = await archive.listEvents({ type: 'none' })
    expect(page).toMatchObject({ rows: [], isPartial: true })
    const next = await archive.listEvents({ type: 'none', cursor: page.cursor ?? '' })
    expect(Number(next.cursor)).toBeLessThan(Number(page.cursor))
    expect(await findEvents({ recipient: 'user7@example.com' })).toHaveLength(2)
    expect(await findJobs({})).toEqual([])
  })

  it('finds an event and its conflicts by the id, wherever its key is', async () => {
    const [first, other] = store.addBatch(1, [{ event_id: 'evt-1' }, {}]) as [number, number]
    const [twin] = store.addBatch(2, [{ event_id: 'evt-1', verdict: 'conflict', twin: first }])
    // Without a key, as where a damaged page took it, the events themselves are searched.
    expect(await findEvents({ eventId: 'evt-1' })).toEqual([twin, first])
    const key = store.db.prepare('SELECT key FROM events WHERE id = ?').get(first) as {
      key: Uint8Array
    }
    const numbers = { keys: 1, first_event: first, last_event: first }
    const entries = encodeEntries(
      { words: wordsOf(key.key), events: [first] },
      { firstEvent: first, lastEvent: first },
    )
    store.insert('key_blocks', { hour: 0, ...numbers, entries })
    expect(await findEvents({ eventId: 'evt-1' })).toEqual([twin, first])
    expect(await findEvents({ eventId: 'evt-1', state: 'conflict' })).toEqual([twin])
    expect(await findEvents({ eventId: `id-${other}` })).toEqual([other])
    expect(await findEvents({ eventId: 'nobody' })).toEqual([])
  })
})

describe('the totals', () => {
  it('count each event once, although several handlers have it to run', async () => {
    const one = store.addBatch(1, events(9), { received_at: NOW - 5_000 })
    const two = store.addBatch(2, events(1))
    store.addRun({ handler: 'one', wanted: one, done: one.slice(0, 2), failed: one.slice(2, 3) })
    store.addRun({ handler: 'two', wanted: one.slice(4) })
    store.addRun({ handler: 'two', wanted: two })
    store.addRun({ handler: 'three', wanted: two })
    store.addJob(one[2] ?? 0, 'one')
    store.addJob(one[3] ?? 0, 'three', { state: 'dead' })
    store.addJob(one[8] ?? 0, 'three', { state: 'pending' })
    store.addJob(one[0] ?? 0, 'three', { state: 'pending' })
    for (const [name, n] of Object.entries({ events: 10, batches: 2, 'done:one': 2 })) {
      store.insert('counters', { name, n })
    }
    const stats = await archive.stats()
    expect(stats.jobs).toEqual({
      one: { pending: 6, done: 2, dead: 1 },
      two: { pending: 6, done: 0, dead: 0 },
      three: { pending: 3, done: 0, dead: 1 },
    })
    // The dead of which another handler has something pending is pending.
    expect(stats.events.byState).toMatchObject({ pending: 8, dead: 1, done: 1 })
    expect(stats).toMatchObject({ backlog: 15, oldestPendingMs: 5_000, countedAt: NOW })
    expect(await findEvents({ state: 'pending' })).toHaveLength(8)
    expect(await findEvents({ state: 'dead' })).toHaveLength(1)
  })

  it('tell how many jobs are tried again, and read the row of none for it', async () => {
    const ids = store.addBatch(1, events(9))
    for (const [n, id] of ids.entries()) {
      store.addJob(id, n < 6 ? 'one' : 'two', { state: 'pending', attempt: n % 3, due_at: n })
    }
    const prepare = vi.spyOn(store.db, 'prepare')
    const stats = await archive.stats()
    const statements = prepare.mock.calls.map(([sql]) => sql)
    prepare.mockRestore()
    expect(stats.retrying).toEqual({ one: 4, two: 2 })
    const plans = statements
      .filter((sql) => sql.includes('FROM jobs'))
      .flatMap((sql) => store.db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[])
    const looks = plans.map(({ detail }) => detail).filter((text) => text.includes('INDEX jobs_'))
    expect(looks.length).toBeGreaterThan(2)
    expect(looks.filter((text) => !text.includes('COVERING INDEX'))).toEqual([])
  })

  it('count the batches that wait', async () => {
    store.addBatch(1, [], { is_open: 1, received_at: NOW - 2_000 })
    store.insert('counters', { name: 'batches', n: 4 })
    const stats = await archive.stats()
    expect(stats).toMatchObject({ batches: { received: 4, waiting: 1 }, oldestPendingMs: 2_000 })
  })
})

describe('quarantine', () => {
  it('has the bytes of the body, or its own once that is gone', async () => {
    store.addBatch(1, events(2), { received_at: 5 })
    const piece = { batch: 1, reason: 'invalid_json', detail: 'x', position: 1, pieces: 1 }
    store.insert('quarantine', { ...piece, start: 14, bytes: 13 })
    const [row] = (await archive.listQuarantine({})).rows
    expect(row).toEqual({
      ...{ id: '1', batch: 'batch-1', source: 'mailtrap', reason: 'invalid_json', detail: 'x' },
      ...{ position: 1, pieces: 1, byteOffset: 14, bytes: 13, receivedAt: 5 },
    })
    expect(Buffer.from((await archive.quarantineBody('1')) ?? []).toString()).toBe('{"n":"ä1.1"}')
    store.db.exec(`DELETE FROM bodies; UPDATE quarantine SET piece = x'0102'`)
    expect(await archive.quarantineBody('1')).toEqual(new Uint8Array([1, 2]))
    expect(await archive.getQuarantine('1')).toEqual(row)
    expect(await archive.getQuarantine('2')).toBeUndefined()
    expect(await archive.quarantineBody('2')).toBeUndefined()
  })
})

describe('batches that wait', () => {
  it('are found by what their bodies hold', async () => {
    const open = { is_open: 1 }
    store.addBatch(1, [], open)
    store.addBatch(2, [], open)
    store.addBatch(3, [], { is_open: 0 })
    store.db
      .prepare('UPDATE bodies SET body = ? WHERE batch <> 1')
      .run(Buffer.from('{"email":"Ann@Example.com"}'))
    expect(await archive.findWaiting(['ann@example.com'])).toEqual(['batch-2'])
    expect(await archive.findWaiting(['ann@example.com'], ['batch-1'])).toEqual([])
  })
})
