import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { ReceiverError } from '../../../src/errors.ts'
import { openLocalJournal } from '../../../src/store/local-journal.ts'
import { openDriver } from '../../../src/store/sqlite/driver.ts'
import { openSqliteEngine } from '../../../src/store/sqlite/engine.ts'
import { sampleBatch } from '../sample-rows.ts'
import { buildSpool, idsOf, newDirectory, SOON } from './build-spool.ts'

const GARBAGE = Buffer.from('this is not a database, it only looks like a file\n'.repeat(400))

/** A directory whose spool was left by a process that was killed, with `count` batches in it. */
async function leaveSpool(count: number): Promise<{ file: string; ids: string[] }> {
  const file = join(newDirectory(), 'spool.db')
  const store = await openLocalJournal(file)
  const batches = Array.from({ length: count }, () => sampleBatch())
  for (const batch of batches) await store.append(batch)
  // A clean close would move the log into the database.
  const parts = ['', '-wal'].map((ending) => [ending, readFileSync(`${file}${ending}`)] as const)
  await store.close()
  for (const [ending, bytes] of parts) writeFileSync(`${file}${ending}`, bytes)
  return { file, ids: idsOf(batches) }
}

async function execute(file: string, sql: string): Promise<void> {
  const db = await openDriver(file, { isReadOnly: false })
  db.exec(sql)
  db.close()
}

/** Whatever was there, a new spool acknowledges while the store is away, and drains. */
async function expectToWork({ spool, shared, timers }: ReturnType<typeof buildSpool>) {
  shared.mode = 'down'
  const batch = sampleBatch()
  await spool.append(batch)
  shared.mode = 'up'
  await vi.waitFor(() => {
    timers.ring(250)
    expect(idsOf(shared.kept)).toContain(batch.id)
  }, SOON)
}

describe('a spool that cannot be used is moved aside at the start, and a new one begun:', () => {
  type Row = [name: string, spoil: (file: string) => void | Promise<void>]
  it.each<Row>([
    [
      'one that is no database',
      (file) => {
        rmSync(`${file}-wal`)
        writeFileSync(file, GARBAGE)
      },
    ],
    [
      'one with a damaged page',
      async (file) => {
        await execute(file, 'PRAGMA wal_checkpoint(TRUNCATE)')
        writeFileSync(file, readFileSync(file).fill(0x5a, 4096, 12_288))
      },
    ],
    [
      'one cut off',
      async (file) => {
        await execute(file, 'PRAGMA wal_checkpoint(TRUNCATE)')
        truncateSync(file, 10_000)
      },
    ],
    [
      'a database of something else',
      async (file) => {
        rmSync(`${file}-wal`)
        rmSync(file)
        await execute(file, 'CREATE TABLE batches (name TEXT)')
      },
    ],
    [
      'one of a newer version',
      async (file) => {
        await (await openLocalJournal(file)).close()
        await execute(file, `INSERT INTO schema_migrations VALUES ('9999-from-the-future.sql', 1)`)
      },
    ],
    [
      'the database of a receiver',
      async (file) => {
        rmSync(`${file}-wal`)
        rmSync(file)
        const engine = await openSqliteEngine(file)
        engine.append([sampleBatch()])
        engine.close()
      },
    ],
    [
      'one of version 0.1.0',
      async (file) => {
        rmSync(`${file}-wal`)
        rmSync(file)
        await execute(
          file,
          `CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT;
           INSERT INTO migrations VALUES ('0001-tables.sql', 1)`,
        )
      },
    ],
  ])('%s', async (_name, spoil) => {
    const { file } = await leaveSpool(3)
    await spoil(file)
    const spoiled = readFileSync(file)
    const built = buildSpool({ directory: dirname(file) })
    await built.spool.start()
    expect(built.facts.spoolSetAside).toHaveLength(1)
    expect(built.spool.stats().setAside).toBe(1)
    const [aside] = built.facts.spoolSetAside
    expect(aside?.file).toBe(join(dirname(file), 'unusable-20260117T120000000Z.db'))
    expect(readFileSync(aside?.file ?? '').equals(spoiled)).toBe(true)
    await expectToWork(built)
    await built.stop()
    expect(readdirSync(dirname(file))).toContain('unusable-20260117T120000000Z.db')
  })
})

describe('a spool left by a process that was killed', () => {
  type Row = [name: string, damage: (file: string) => void, drained: (ids: string[]) => string[]]
  it.each<Row>([
    ['is drained whole', () => {}, (ids) => ids],
    [
      'is drained up to where its log is torn',
      (file) => truncateSync(`${file}-wal`, readFileSync(`${file}-wal`).length - 100),
      (ids) => ids.slice(0, -1),
    ],
    [
      'is drained up to where its log is garbled',
      (file) => {
        const log = readFileSync(`${file}-wal`)
        writeFileSync(`${file}-wal`, log.fill(0x5a, log.length - 2_000))
      },
      (ids) => ids.slice(0, -1),
    ],
    [
      'needs no database if its log has all of it',
      (file) => writeFileSync(file, GARBAGE),
      (ids) => ids,
    ],
    ['needs no index of its log', (file) => writeFileSync(`${file}-shm`, GARBAGE), (ids) => ids],
    [
      'needs no lock from before',
      (file) => writeFileSync(join(dirname(file), 'receiver.lock'), GARBAGE),
      (ids) => ids,
    ],
  ])('%s', async (_name, damage, drained) => {
    const { file, ids } = await leaveSpool(4)
    damage(file)
    const built = buildSpool({ directory: dirname(file) })
    await built.spool.start()
    await vi.waitFor(() => expect(built.facts.spoolDrained).toHaveLength(1), SOON)
    expect(idsOf(built.shared.kept)).toEqual(drained(ids))
    expect(built.facts.spoolSetAside).toEqual([])
    await expectToWork(built)
  })
})

describe('a place where no spool can be', () => {
  it.each<[string, (directory: string) => void]>([
    ['a file instead of the directory', (directory) => writeFileSync(directory, 'x')],
    [
      'a directory instead of the file',
      (directory) => mkdirSync(join(directory, 'spool.db'), { recursive: true }),
    ],
  ])('keeps no receiver from its start, and is used once it is free: %s', async (_name, block) => {
    const directory = newDirectory()
    block(directory)
    const built = buildSpool({ directory })
    await built.spool.start()
    expect(built.facts.spoolFailed).toHaveLength(1)
    expect(built.spool.canAcknowledge()).toBe(true)
    const state = expect.stringMatching('degraded: the spool cannot keep batches')
    await vi.waitFor(() => expect(built.spool.state()).toEqual(state), SOON)
    rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 20 })
    await vi.waitFor(() => {
      built.timers.ring(250)
      expect(built.spool.state()).toBe('ok')
    }, SOON)
    await expectToWork(built)
  })
})

it('moves a file aside that turns out to be damaged while it is used', async () => {
  let opened = 0
  async function openLocal(file: string) {
    const real = await openLocalJournal(file)
    opened++
    const damaged = () => Promise.reject(new ReceiverError('store_corrupt', { detail: 'a page' }))
    return opened === 1 ? { ...real, take: damaged } : real
  }
  const built = buildSpool({ openLocal })
  await built.spool.start()
  await vi.waitFor(() => expect(built.facts.spoolSetAside).toHaveLength(1), SOON)
  expect(built.facts.spoolSetAside).toMatchObject([{ code: 'store_corrupt', detail: 'a page' }])
  await expectToWork(built)
})

it('acknowledges no batch that went into the file while it was moved aside', async () => {
  let opened = 0
  async function openLocal(file: string) {
    const real = await openLocalJournal(file)
    if (++opened > 1) return real
    let damage = () => {}
    const damaged = new Promise<never>((_, reject) => {
      damage = () => reject(new ReceiverError('store_corrupt', { detail: 'a page' }))
    })
    function append(batch: Parameters<typeof real.append>[0]) {
      damage()
      return real.append(batch)
    }
    return { ...real, append, take: () => damaged }
  }
  const built = buildSpool({ openLocal })
  await built.spool.start()
  built.shared.mode = 'down'
  // Whether the commit or the move comes first is up to the thread of the file.
  const code = expect.stringMatching(/^store_(busy|gone)$/)
  await expect(built.spool.append(sampleBatch())).rejects.toMatchObject({ code })
  await vi.waitFor(() => expect(built.spool.canAcknowledge()).toBe(true), SOON)
  expect(built.spool.stats()).toMatchObject({ waiting: 0, spooled: 0, setAside: 1 })
  await expectToWork(built)
  await built.stop()
  expect(built.facts.spoolLeft).toEqual([])
})

it('refuses what a file would keep that was removed meanwhile, and begins another', async () => {
  const built = buildSpool()
  await built.spool.start()
  built.shared.mode = 'down'
  await built.spool.append(sampleBatch())
  rmSync(built.directory, { recursive: true })
  await expect(built.spool.append(sampleBatch())).rejects.toMatchObject({ code: 'store_gone' })
  await vi.waitFor(() => {
    for (const ms of [250, 500, 1_000]) built.timers.ring(ms)
    expect(built.facts.spoolRecovered).toHaveLength(1)
  }, SOON)
  expect(built.facts.spoolFailed).toMatchObject([{ code: 'store_gone' }])
  expect(built.onBroken).not.toHaveBeenCalled()
  const batch = sampleBatch()
  await built.spool.append(batch)
  expect(readdirSync(built.directory)).toContain('spool.db')
  await built.stop(0)

  const again = buildSpool({ directory: built.directory })
  await again.spool.start()
  await vi.waitFor(() => expect(idsOf(again.shared.kept)).toEqual([batch.id]), SOON)
})
