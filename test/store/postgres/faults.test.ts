import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { createTransactions } from '../../../src/store/postgres/transactions.ts'
import type { WorkReceipt } from '../../../src/store/store.ts'
import { loadedMs } from '../../loaded-ms.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { openPostgresStore } from '../postgres-harness.ts'
import {
  appendAndTake,
  claimOf,
  endedJob,
  keep,
  LEASE_MS,
  pageOf,
  progressOf,
  sampleBatch,
  sampleEvent,
  sampleEvents,
} from '../sample-rows.ts'
import { createTestDatabase, lockTables, withParameter } from './test-database.ts'
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

/** The same database, to which every connection takes so long. */
async function connectSlowly(url: string, delayMs: number): Promise<string> {
  const home = new URL(url.replace('@/', '@host/')).searchParams.get('host') ?? ''
  const slow = createServer((client) => {
    const upstream = createConnection(join(home, '.s.PGSQL.5432'))
    upstream.pipe(client).on('error', () => upstream.destroy())
    setTimeout(() => client.pipe(upstream).on('error', () => client.destroy()), delayMs)
  })
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void slow.close())
  const address = slow.address()
  const port = typeof address === 'object' ? address?.port : 0
  return url.replace('@/', `@127.0.0.1:${port}/`).replace(/\?host=.*/, '')
}

async function timeRefusal(work: Promise<unknown>): Promise<number> {
  const startedAt = Date.now()
  await expect(work).rejects.toMatchObject({ code: 'store_busy' })
  return Date.now() - startedAt
}

// Most of them wait for limits of time, each with a database of its own.
describe.skipIf(!server)('a PostgreSQL store', { concurrent: true }, () => {
  it('outlives the loss of all its connections, again and again', async () => {
    const { open, execute } = await createTestDatabase(server!)
    const store = await open()
    const useAllPools = () =>
      Promise.all([store.probe(), store.archive.stats(), store.loadHandlers()])
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        store.append([sampleBatch()]),
        store.archive.stats(),
        store.loadHandlers(),
      ])
      const cut = await execute<{ pid: number }>(
        `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      )
      const pids = cut.map(({ pid }) => pid)
      const left = 'SELECT pid FROM pg_stat_activity WHERE pid = ANY($1)'
      await expect.poll(() => execute(left, [pids])).toEqual([])
      // The first may meet a connection of which we do not know yet that it is gone, of any pool.
      await expect.poll(() => useAllPools().then(() => 'ok', String)).toBe('ok')
    }
    expect((await store.archive.stats()).batches.received).toBe(20)
  })

  it('gives up in time when it is locked out, and leaves nothing waiting at the server', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    const store = await open()
    const unlock = await lockTables(url, 'batches')
    const waited = await Promise.all(
      [1, 2, 3].map(() => timeRefusal(store.append([sampleBatch()]))),
    )
    expect(Math.max(...waited)).toBeLessThan(loadedMs(4_500))
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'
      AND datname = current_database()`
    // The server learns of it in a moment, by another connection.
    await expect.poll(() => execute(waiting), { timeout: loadedMs(5_000) }).toEqual([])
    await unlock()
    await store.append([sampleBatch()])
    expect((await store.archive.stats()).batches.received).toBe(1)
  })

  it('opens while the database is away, and works when it is there', async () => {
    const { url } = await createTestDatabase(server!)
    const store = await openPostgresStore('postgres://u:p@127.0.0.1:1/d')
    onTestFinished(() => store.close())
    await timeRefusal(store.append([sampleBatch()]))
    await expect(store.archive.stats()).rejects.toMatchObject({ code: 'store_busy', isAway: true })
    store.useUrl(url)
    await store.append([sampleBatch()])
    expect((await store.archive.stats()).batches.received).toBe(1)
  })

  it('starts and gives up in time on a server that never answers', async () => {
    const startedAt = Date.now()
    const store = await openPostgresStore(await openBlackHole())
    onTestFinished(() => store.close())
    const waited = await Promise.all(
      [1, 2, 3].map(() => timeRefusal(store.append([sampleBatch()]))),
    )
    expect(Math.max(...waited)).toBeLessThan(loadedMs(4_500))
    expect(Date.now() - startedAt).toBeLessThan(loadedMs(9_000))
  })

  it('waits as long for a connection as its URL says', async () => {
    const hole = await openBlackHole()
    const refused: string[] = []
    const waits = ['1', '2'].map(async (seconds) => {
      const store = await openPostgresStore(withParameter(hole, `connect_timeout=${seconds}`))
      onTestFinished(() => store.close())
      expect(await timeRefusal(store.loadHandlers())).toBeGreaterThan(Number(seconds) * 900)
      refused.push(seconds)
    })
    await Promise.all(waits)
    expect(refused).toEqual(['1', '2'])
  })

  it.each(['', '?connect_timeout=10'])(
    'works where each connection takes 3.5 s, with %j behind its URL',
    async (parameters) => {
      const { open, url } = await createTestDatabase(server!)
      const store = await open(`${await connectSlowly(url, 3_500)}${parameters}`)
      // What has to wait for a connection goes to the spool, until one is there.
      await expect.poll(() => store.append([sampleBatch()]).then(() => 'kept', String)).toBe('kept')
      expect((await store.archive.stats()).batches.received).toBeGreaterThan(0)
    },
  )

  it('commits acknowledgements to disk even where the database does not, and work behind them not', async () => {
    const { open, execute, name } = await createTestDatabase(server!)
    const store = await open()
    await execute(`
      ALTER DATABASE ${name} SET synchronous_commit = off;
      CREATE TABLE seen (source TEXT, sync TEXT);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO seen VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NEW;
      END $$;
      CREATE TRIGGER note BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION note();
      CREATE TRIGGER note BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION note()`)
    await keep(store, [sampleEvent()])
    expect(await execute('SELECT * FROM seen')).toEqual([
      { source: 'batches', sync: 'on' },
      { source: 'events', sync: 'off' },
    ])
  })

  it('works whatever a role has set, and undoes none of it for others', async () => {
    const { open, execute, name, url } = await createTestDatabase(server!)
    for (const setting of [
      `default_transaction_isolation = 'serializable'`,
      'default_transaction_read_only = on',
      'default_transaction_deferrable = on',
      'array_nulls = off',
      `bytea_output = 'escape'`,
      'standard_conforming_strings = off',
      `statement_timeout = '500ms'`,
      `lock_timeout = '500ms'`,
      `search_path = 'pg_catalog'`,
      // Since PostgreSQL 17.
      ...((await knowsTransactionTimeout(execute)) ? [`transaction_timeout = '500ms'`] : []),
    ]) {
      await server!.execute(server!.urlOf('postgres'), `ALTER DATABASE ${name} SET ${setting}`)
    }
    const [store, other] = [await open(), await open()]
    const kept: WorkReceipt[] = []
    for (const one of [store, other]) {
      const parts = sampleEvents(20, { messageId: undefined })
      const batch = await appendAndTake(store, sampleBatch(parts))
      kept.push(await one.commit({ pages: [pageOf(batch, parts)], progress: [], jobs: [] }))
    }
    expect(kept.map(({ pages }) => pages[0]?.kind)).toEqual(['stored', 'stored'])
    const runs = await store.claimRuns(claimOf('counter'))
    const failed = runs.map((run) => progressOf(run, { kind: 'retry', error: 'x\\', delayMs: 0 }))
    expect((await store.commit({ pages: [], progress: failed, jobs: [] })).refused).toBe(0)
    const jobs = await store.claimJobs(claimOf('counter'))
    expect(jobs).toHaveLength(40)
    const ended = jobs.map((job) => endedJob(job, { kind: 'done' }))
    expect((await other.commit({ pages: [], progress: [], jobs: ended })).refused).toBe(0)
    expect((await store.archive.stats()).jobs['counter']).toEqual({ pending: 0, done: 40, dead: 0 })
    const transactions = createTransactions(() => url, { connections: 1, random: Math.random })
    onTestFinished(() => transactions.close())
    const plan = { sync: 'off', timeoutMs: 5_000 } as const
    const sleep = 'SELECT 1 AS slept FROM (SELECT pg_sleep(0.8)) AS s'
    expect(await transactions.runOne(plan, sleep)).toEqual([{ slept: 1 }])
    // Who comes anew: a session that was there before has what was set before.
    const another = new Client({ connectionString: url })
    await another.connect()
    onTestFinished(() => another.end())
    const { rows } = await another.query(
      `SELECT current_setting('transaction_isolation') AS isolation`,
    )
    expect(rows).toEqual([{ isolation: 'serializable' }])
  })

  it('tells what it can never take from what it cannot take now, and keeps the rest', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    const busy = Array.from({ length: 8 }, () => store.append([sampleBatch()]))
    const refused = store.append([sampleBatch([], { contentType: 'text/\0' })])
    const neighbours = Array.from({ length: 8 }, () => store.append([sampleBatch()]))
    await expect(refused).rejects.toMatchObject({ code: 'store_refused' })
    await Promise.all([...busy, ...neighbours])
    expect((await store.archive.stats()).batches.received).toBe(16)
  })

  it('records a failure that holds what no column takes', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    await keep(store, [sampleEvent()])
    const [run] = await store.claimRuns(claimOf('counter'))
    const error = 'a\0b \ud800 "quoted"\n\\'
    const progress = [progressOf(run!, { kind: 'dead', error })]
    await store.commit({ pages: [], progress, jobs: [] })
    const { rows } = await store.archive.listJobs({})
    expect(rows).toMatchObject([{ state: 'dead', lastError: error }])
  })

  it('keeps ids and addresses that are too long for an index, and finds them', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    const recipient = Array.from({ length: 1_024 }, (_, n) =>
      String.fromCodePoint(0x1f300 + ((n * 7919) % 700)),
    ).join('')
    await keep(store, [sampleEvent({ recipient }), sampleEvent({ recipient: `${recipient}x` })])
    const { rows } = await store.archive.listEvents({ recipient })
    expect(rows).toMatchObject([{ recipient }])
  })

  it('takes a lease or a retry of a clock that was years ahead as over', async () => {
    const { open, execute } = await createTestDatabase(server!)
    const [one, other] = [await open(), await open()]
    await keep(one, [sampleEvent()])
    await one.claimRuns(claimOf('counter'))
    await execute('UPDATE runs SET leased_until = leased_until + 63072000000')
    const [run] = await other.claimRuns(claimOf('counter'))
    const failed = progressOf(run!, { kind: 'retry', error: 'x', delayMs: 60_000 })
    await other.commit({ pages: [], progress: [failed], jobs: [] })
    expect(await one.claimJobs(claimOf('counter'))).toEqual([])
    await execute('UPDATE jobs SET due_at = due_at + 63072000000')
    expect(await one.claimJobs(claimOf('counter'))).toHaveLength(1)
    await one.append([sampleBatch()])
    const take = { batches: 1, bytes: 1, leaseMs: LEASE_MS }
    await one.takeBatches(take)
    await execute('UPDATE batches SET leased_until = leased_until + 63072000000')
    expect(await other.takeBatches(take)).toHaveLength(1)
  })

  it('gives out a batch whose body is gone as an empty one, that somebody comes to see the damage', async () => {
    const { open, execute } = await createTestDatabase(server!)
    const [appending, store] = [await open(), await open()]
    await appending.append([sampleBatch(), sampleBatch()])
    await execute('DELETE FROM bodies WHERE batch = (SELECT min(seq) FROM batches)')
    const taken = await store.takeBatches({ batches: 10, bytes: 2 ** 40, leaseMs: LEASE_MS })
    expect(taken.map(({ body }) => body.length > 0)).toEqual([false, true])
  })

  it('ends a run of whose events nothing is left', async () => {
    const { open, execute } = await createTestDatabase(server!)
    const store = await open()
    await keep(store, sampleEvents(2))
    await execute('DELETE FROM events')
    expect(await store.claimRuns(claimOf('counter'))).toEqual([])
    expect((await store.archive.stats()).backlog).toBe(0)
  })

  it('rejects what is asked of it once it is closed', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    await store.close()
    await expect(store.append([sampleBatch()])).rejects.toMatchObject({ code: 'store_closed' })
    await expect(store.archive.stats()).rejects.toMatchObject({ code: 'store_closed' })
  })
})

async function knowsTransactionTimeout(
  execute: (sql: string) => Promise<unknown[]>,
): Promise<boolean> {
  return (await execute(`SELECT 1 FROM pg_settings WHERE name = 'transaction_timeout'`)).length > 0
}
