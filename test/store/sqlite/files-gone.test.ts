import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts'
import { sampleBatch } from '../sample-rows.ts'

const GONE = { code: 'store_gone' }

/** A store with a batch in it, in a directory that is spoiled meanwhile. */
async function openAndSpoil(spoil: (directory: string) => void) {
  const parent = mkdtempSync(join(tmpdir(), 'receiver-gone-'))
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }))
  const directory = join(parent, 'data')
  const store = await openSqliteStore(join(directory, 'receiver.db'))
  onTestFinished(() => store.close().catch(() => {}))
  await store.append(sampleBatch())
  spoil(directory)
  return { store, directory }
}

const remove = (path: string) => rmSync(path, { recursive: true })

/** As somebody does who restores a back-up under a running receiver. */
function replace(path: string): void {
  cpSync(path, `${path}.copy`, { recursive: true })
  remove(path)
  renameSync(`${path}.copy`, path)
}

describe('a SQLite store whose files are not in their place any more', () => {
  it.each<[string, (directory: string) => void]>([
    ['the directory was removed', remove],
    ['the directory was replaced', replace],
    ['the directory was moved', (directory) => renameSync(directory, `${directory}.old`)],
    ['the database was removed', (directory) => remove(join(directory, 'receiver.db'))],
    ['the database was replaced', (directory) => replace(join(directory, 'receiver.db'))],
    ['its log was removed', (directory) => remove(join(directory, 'receiver.db-wal'))],
    ['its lock was removed', (directory) => remove(join(directory, 'receiver.lock'))],
  ])('acknowledges nothing again: %s', async (_name, spoil) => {
    const { store } = await openAndSpoil(spoil)
    await expect(store.append(sampleBatch())).rejects.toMatchObject(GONE)
    await expect(store.probe()).rejects.toMatchObject(GONE)
    await expect(store.append(sampleBatch())).rejects.toMatchObject(GONE)
  })

  it('says so without a batch to keep, as soon as there is anything to do', async () => {
    const { store } = await openAndSpoil(remove)
    const hints = vi.fn()
    store.onHint(hints)
    await expect(store.takeBatch(1_000)).rejects.toMatchObject(GONE)
    await vi.waitFor(() => expect(hints).toHaveBeenCalledWith('failure'))
  })

  it('touches nothing of what is there instead, also when it is closed', async () => {
    const { store, directory } = await openAndSpoil(remove)
    const next = await openSqliteStore(join(directory, 'receiver.db'))
    onTestFinished(() => next.close())
    const batch = sampleBatch()
    await next.append(batch)
    await store.close()
    expect(existsSync(join(directory, 'receiver.db-wal'))).toBe(true)
    await next.append(sampleBatch())
    expect(await next.takeBatch(1_000)).toMatchObject({ id: batch.id })
  })

  it('goes on after a log that was begun anew, or a database that was written anew', async () => {
    const { store } = await openAndSpoil(() => {})
    await store.wipe(['nothing that is in it'])
    await store.append(sampleBatch())
  })
})
