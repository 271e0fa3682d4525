import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { folderOfStore, inspectFolder, inspectStore } from '../../src/store/inspect-store.ts'
import { openStore } from '../../src/store/open-store.ts'
import { createTestDatabase } from './postgres/test-database.ts'
import { findTestServer } from './postgres/test-server.ts'

const server = await findTestServer()
const TMPFS = 0x01021994

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'inspect-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('a look at an SQLite store', () => {
  it('finds the write-ahead log of one that is open', async () => {
    const storeFile = join(makeFolder(), 'receiver.db')
    const store = await openStore({ storeFile })
    onTestFinished(() => store.close())
    expect(await inspectStore({ storeFile, storeUrl: '' })).toEqual({
      facts: [expect.stringContaining('write-ahead log')],
      dangers: [],
    })
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
