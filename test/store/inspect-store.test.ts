import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  describeFileSystem,
  folderOfStore,
  inspectFolder,
  inspectStore,
} from '../../src/store/inspect-store.ts'
import { openDriver } from '../../src/store/sqlite/driver.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { createTestDatabase } from './postgres/test-database.ts'
import { findTestServer } from './postgres/test-server.ts'
import { openSqliteStore } from './sqlite-harness.ts'

const server = await findTestServer()
const TMPFS = 0x01021994

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'inspect-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('a look at an SQLite store', () => {
  it('finds the write-ahead log of one that is open, and leaves its locks alone', async () => {
    const store = await openSqliteStore(makeFolder())
    onTestFinished(() => store.close())
    const locks = () =>
      existsSync('/proc/locks')
        ? readFileSync('/proc/locks', 'utf8')
            .split('\n')
            .filter((line) => line.includes(` ${process.pid} `))
        : []
    const before = locks().length
    expect(await inspectStore({ storeFile: store.file, storeUrl: '' })).toEqual({
      facts: [expect.stringContaining('write-ahead log')],
      dangers: [],
    })
    expect(locks().length).toBeGreaterThanOrEqual(before)
  })

  it('finds that another program has turned it off, and that there is none', async () => {
    const storeFile = join(makeFolder(), 'receiver.db')
    const none = await inspectStore({ storeFile, storeUrl: '' })
    expect(none.dangers).toMatchObject([expect.stringContaining('There is no database at')])
    expect(existsSync(storeFile)).toBe(false)
    const db = await openDriver(storeFile, { isReadOnly: false })
    db.exec('CREATE TABLE t (n)')
    db.close()
    const changed = await inspectStore({ storeFile, storeUrl: '' })
    expect(changed.dangers).toMatchObject([expect.stringContaining('keeps no write-ahead log')])
  })
})

describe('a look at the folder', () => {
  it('tells how much room there is, and what kind of disk', async () => {
    const { freeBytes, usedPercent, dangers } = await inspectFolder(makeFolder())
    expect(freeBytes).toBeGreaterThan(0)
    expect(usedPercent).toBeGreaterThan(0)
    expect(usedPercent).toBeLessThanOrEqual(100)
    expect(dangers.join()).not.toContain('may not write')
    if (!existsSync('/dev/shm') || statfsSync('/dev/shm').type !== TMPFS) return
    const inMemory = await inspectFolder('/dev/shm')
    expect(inMemory.dangers).toContainEqual(expect.stringContaining('/dev/shm is in memory'))
  })

  it.each([
    [TMPFS, 'is in memory'],
    [0x6969, 'is on a network file system'],
    [0x01021997, 'is on a network file system'],
    [0x65735546, 'or on FUSE'],
    [0xef53, ''],
  ])('knows a file system by its number: 0x%x', (type, words) => {
    expect(describeFileSystem('/data', type).join()).toContain(words)
    expect(describeFileSystem('/data', type)).toHaveLength(words === '' ? 0 : 1)
  })

  it('is that of the database, or of the spool where the database is elsewhere', () => {
    expect(folderOfStore({ storeFile: '/a/b.db', dataDir: '/c' })).toBe('/a')
    expect(folderOfStore({ storeFile: undefined, dataDir: '/c' })).toBe('/c')
  })
})

describe.skipIf(!server)('a look at a PostgreSQL store', () => {
  it('finds settings that cost durability, and makes no tables', async () => {
    const { url, execute } = await createTestDatabase(server!)
    const name = new URL(url.replace('@/', '@host/')).pathname.slice(1)
    await execute(`ALTER DATABASE ${name} SET synchronous_commit = off`)
    const { dangers } = await inspectStore({ storeFile: undefined, storeUrl: url })
    expect(dangers).toContainEqual(expect.stringContaining('synchronous_commit = off'))
    expect(await execute(`SELECT 1 FROM pg_tables WHERE schemaname = 'public'`)).toEqual([])
  })

  it('rejects when the database is not there, without telling the password', async () => {
    const storeUrl = 'postgres://u:hush-hush@127.0.0.1:1/none'
    const look = inspectStore({ storeFile: undefined, storeUrl })
    await expect(look).rejects.toMatchObject({ code: 'store_busy' })
    await expect(look).rejects.not.toThrow(/hush/)
  })
})
