import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDriver } from '../../src/store/sqlite/driver.ts'
import { keep as keepEvents, sampleEvent } from '../store/sample-rows.ts'
import { openSqliteStore } from '../store/sqlite-harness.ts'
import { runCommand } from './run-command.ts'

describe('mailtrap-receiver backup', () => {
  let folder: string
  let target: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'receiver-backup-'))
    target = join(folder, 'copy.db')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const run = (...argv: string[]) =>
    runCommand(['backup', ...argv], { env: { DATA_DIR: join(folder, 'data') } })
  const open = () => {
    mkdirSync(join(folder, 'data'), { recursive: true })
    return openSqliteStore(join(folder, 'data'))
  }

  async function keep(store: Awaited<ReturnType<typeof open>>): Promise<string> {
    const { batch } = await keepEvents(store, [sampleEvent()])
    return batch.id
  }

  it('copies a consistent database under load, which a receiver can go on with', async () => {
    const store = await open()
    const before = [await keep(store), await keep(store)]
    let isOver = false
    const load = (async () => {
      // The engine answers at once: without a turn of the loop the command would never run.
      for (; !isOver; await setImmediate()) await keep(store)
    })()
    const { exitCode, out, err } = await run(target)
    isOver = true
    await load
    await store.close()
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toMatch(/^Copied and checked: .*copy\.db, [\d,]+ bytes\.\n$/)
    expect(statSync(target).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder).sort()).toEqual(['copy.db', 'data'])

    mkdirSync(join(folder, 'restored'))
    renameSync(target, join(folder, 'restored', 'receiver.db'))
    const copy = await openSqliteStore(join(folder, 'restored'))
    const { batches, events, backlog } = await copy.archive.stats()
    // A batch waits if the copy was made between its two commits.
    expect(events.total + batches.waiting).toBe(batches.received)
    expect(backlog).toBe(events.total + batches.waiting)
    const { rows } = await copy.archive.listEvents({ limit: 500 })
    expect(rows.map(({ batch }) => batch)).toEqual(expect.arrayContaining(before))
    await copy.close()
  })

  it('copies the database of a receiver that is stopped', async () => {
    const store = await open()
    await keep(store)
    await store.close()
    const { out } = await run(target, '--json')
    expect(JSON.parse(out)).toEqual({ file: target, bytes: statSync(target).size })
  })

  it('never overwrites a file, and leaves none when it fails', async () => {
    const store = await open()
    await store.close()
    writeFileSync(target, 'precious')
    expect(await run(target)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('is there already, and nothing is overwritten'),
    })
    expect(statSync(target).size).toBe(8)
    expect((await run(join(folder, 'none', 'copy.db'))).err).toContain('its folder is missing')
    // On Node 20 the log stays until the driver's statements are collected, and would repair it.
    for (const end of ['-wal', '-shm']) {
      rmSync(join(folder, 'data', `receiver.db${end}`), { force: true })
    }
    writeFileSync(join(folder, 'data', 'receiver.db'), 'no database, only long enough '.repeat(200))
    const other = join(folder, 'other.db')
    expect((await run(other)).exitCode).toBe(1)
    expect(existsSync(other)).toBe(false)
    expect(existsSync(`${other}.unfinished`)).toBe(false)
  })

  it.each([
    ['an empty file', () => {}],
    ['a database of something else', (db: Database) => db.exec('CREATE TABLE other (id INTEGER)')],
  ])('copies nothing that is no database of a receiver: %s', async (_what, fill) => {
    mkdirSync(join(folder, 'data'))
    const db = await openDriver(join(folder, 'data', 'receiver.db'), { isReadOnly: false })
    fill(db)
    db.close()
    const { exitCode, err } = await run(target)
    expect(exitCode).toBe(1)
    expect(err).toMatch(/receiver\.db is not the database of a receiver/)
    expect(readdirSync(folder)).toEqual(['data'])
  })

  it('says so when there is no database', async () => {
    expect(await run(target)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('There is no database'),
    })
  })

  it('names the tool of a PostgreSQL store, without its password', async () => {
    const env = { STORE_URL: 'postgres://app:hidden@db.internal/receiver' }
    const { exitCode, err } = await runCommand(['backup', "it's.dump"], { env })
    expect(exitCode).toBe(2)
    expect(err).toContain(
      `pg_dump --format=custom --file='it'\\''s.dump' 'postgres://app@db.internal/receiver'`,
    )
    expect(err).not.toContain('hidden')
  })
})
