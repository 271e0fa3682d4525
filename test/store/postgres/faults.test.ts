import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts'
import { sampleBatch, sampleEvent, wholeChunk } from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()

/** A server that takes connections and never says a word. */
async function openBlackHole(): Promise<string> {
  const hole = createServer(() => {})
  await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void hole.close())
  const address = hole.address()
  return `postgres://u:p@127.0.0.1:${typeof address === 'object' ? address?.port : 0}/d`
}

async function timeRefusal(work: Promise<unknown>): Promise<number> {
  const startedAt = Date.now()
  await expect(work).rejects.toMatchObject({ code: 'store_busy' })
  return Date.now() - startedAt
}

describe.skipIf(!server)('a PostgreSQL store', () => {
  it('outlives the loss of all its connections, again and again', async () => {
    const { open, execute } = await createTestDatabase(server!)
    const store = await open()
    const useBothPools = () => Promise.all([store.probe(), store.stats(), store.loadHandlers()])
    for (let round = 0; round < 20; round++) {
      await Promise.all([store.append(sampleBatch()), store.stats(), store.loadHandlers()])
      await execute(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      )
      // The first may meet a connection of which we do not know yet that it is gone, of either pool.
      await expect.poll(() => useBothPools().then(() => 'ok', String)).toBe('ok')
    }
    expect((await store.stats()).batches.received).toBe(20)
  })

  it('gives up in time when it is locked out, and leaves nothing waiting at the server', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    const store = await open()
    const lock = server!.execute(
      url,
      `BEGIN; LOCK TABLE batches IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(6); COMMIT`,
    )
    const locked = `SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted
      AND relation = 'batches'::regclass`
    await expect.poll(() => execute(locked)).toHaveLength(1)
    const waited = await Promise.all([1, 2, 3].map(() => timeRefusal(store.append(sampleBatch()))))
    expect(Math.max(...waited)).toBeLessThan(4_500)
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'
      AND datname = current_database()`
    expect(await execute(waiting)).toEqual([])
    await lock
    await store.append(sampleBatch())
    expect((await store.stats()).batches.received).toBe(1)
  })

  it('opens while the database is away, and works when it is there', async () => {
    const warnings: string[] = []
    const { url } = await createTestDatabase(server!)
    const store = await openPostgresStore('postgres://u:p@127.0.0.1:1/d', {
      onWarning: (text) => warnings.push(text),
    })
    onTestFinished(() => store.close())
    await timeRefusal(store.append(sampleBatch()))
    await expect(store.stats()).rejects.toMatchObject({ code: 'store_busy', isAway: true })
    store.useUrl(url)
    await store.append(sampleBatch())
    expect((await store.stats()).batches.received).toBe(1)
  })

  it('gives up in time on a server that never answers', async () => {
    const store = await openPostgresStore(await openBlackHole(), { onWarning: () => {} })
    onTestFinished(() => store.close())
    const waited = await Promise.all([1, 2, 3].map(() => timeRefusal(store.append(sampleBatch()))))
    expect(Math.max(...waited)).toBeLessThan(4_500)
  })

  it('keeps nothing on a server that only reads', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    await (await open()).close()
    const name = new URL(url.replace('@/', '@host/')).pathname.slice(1)
    await execute(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    const store = await open()
    await timeRefusal(store.append(sampleBatch()))
    await timeRefusal(store.probe())
    await expect(store.probe()).rejects.toMatchObject({ isAway: false })
    expect((await store.stats()).batches.received).toBe(0)
  })

  it('commits acknowledgements to disk even where the database does not, and work behind them not', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    const store = await open()
    const name = new URL(url.replace('@/', '@host/')).pathname.slice(1)
    await execute(`
      ALTER DATABASE ${name} SET synchronous_commit = off;
      CREATE TABLE seen (source TEXT, sync TEXT);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO seen VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NEW;
      END $$;
      CREATE TRIGGER note BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION note();
      CREATE TRIGGER note BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION note()`)
    const batch = sampleBatch()
    await store.append(batch)
    await store.commitChunk(wholeChunk(batch.id, { events: [sampleEvent()] }))
    expect(await execute('SELECT * FROM seen')).toEqual([
      { source: 'batches', sync: 'on' },
      { source: 'events', sync: 'off' },
    ])
  })

  it('tells what it can never take from what it cannot take now, and keeps the rest', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    const busy = Array.from({ length: 8 }, () => store.append(sampleBatch()))
    const refused = store.append(sampleBatch({ contentType: 'text/\0' }))
    const neighbours = Array.from({ length: 8 }, () => store.append(sampleBatch()))
    await expect(refused).rejects.toMatchObject({ code: 'store_refused' })
    await Promise.all([...busy, ...neighbours])
    expect((await store.stats()).batches.received).toBe(16)
  })

  it('refuses an event with a NUL as such, and the unpacker may quarantine it', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    const batch = sampleBatch()
    await store.append(batch)
    const events = [sampleEvent({ payload: '{"event":"\0"}' })]
    await expect(store.commitChunk(wholeChunk(batch.id, { events }))).rejects.toMatchObject({
      code: 'store_refused',
    })
    expect(await store.commitChunk(wholeChunk(batch.id))).toMatchObject({ stored: 0 })
  })

  it('records a failure that holds what no column takes', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    const batch = sampleBatch()
    await store.append(batch)
    await store.commitChunk(wholeChunk(batch.id, { events: [sampleEvent()] }))
    const [job] = await store.claim({ handler: 'counter', limit: 1, leaseMs: 1_000 })
    const error = 'a\0b \ud800 "quoted"\n\\'
    await store.settle([{ ...job!, durationMs: 1.7, outcome: { kind: 'dead', error } }])
    expect((await store.listJobs({})).rows).toMatchObject([{ state: 'dead', lastError: error }])
  })

  it('finds nothing by a text that no column holds', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    expect((await store.listEvents({ recipient: '\0' })).rows).toEqual([])
    expect((await store.listJobs({ handler: '\0' })).rows).toEqual([])
    expect(await store.getEvent('not a number')).toBeUndefined()
    expect(await store.quarantineBody('not a number')).toBeUndefined()
  })

  it('keeps ids and addresses that are too long for an index, and finds them', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    const batch = sampleBatch()
    await store.append(batch)
    const recipient = Array.from({ length: 1_024 }, (_, n) =>
      String.fromCodePoint(0x1f300 + ((n * 7919) % 700)),
    ).join('')
    const events = [sampleEvent({ recipient }), sampleEvent({ recipient: `${recipient}x` })]
    await store.commitChunk(wholeChunk(batch.id, { events }))
    expect((await store.listEvents({ recipient })).rows).toMatchObject([{ recipient }])
  })

  it('rejects what is asked of it once it is closed', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    await store.close()
    await expect(store.append(sampleBatch())).rejects.toMatchObject({ code: 'store_closed' })
    await expect(store.stats()).rejects.toMatchObject({ code: 'store_closed' })
  })
})
