import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSqliteEngine } from '../../../src/store/sqlite/engine.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { sampleBatch } from '../sample-rows.ts'
import { asOtherUser } from './other-user.ts'

const GONE = expect.objectContaining({ code: 'store_gone' })
const TAKE = { batches: 1, bytes: 1, leaseMs: 1_000 }

/** A store with a batch in it, in a directory that is spoiled meanwhile. */
async function openAndSpoil(spoil: (directory: string) => void) {
  const parent = mkdtempSync(join(tmpdir(), 'receiver-gone-'))
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }))
  const directory = join(parent, 'data')
  const engine = await openSqliteEngine(join(directory, 'receiver.db'))
  onTestFinished(() => engine.close())
  engine.append([sampleBatch()])
  spoil(directory)
  return { engine, directory }
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
    const { engine } = await openAndSpoil(spoil)
    expect(() => engine.append([sampleBatch()])).toThrow(GONE)
    expect(() => engine.probe()).toThrow(GONE)
    expect(() => engine.append([sampleBatch()])).toThrow(GONE)
  })

  it('says so without a batch to keep, as soon as anybody looks', async () => {
    const { engine } = await openAndSpoil(remove)
    expect(() => engine.takeBatches(TAKE)).toThrow(GONE)
  })

  it('touches nothing of what is there instead, also when it is closed', async () => {
    const { engine, directory } = await openAndSpoil(remove)
    const next = await openSqliteEngine(join(directory, 'receiver.db'))
    onTestFinished(() => next.close())
    const batch = sampleBatch()
    next.append([batch])
    engine.close()
    expect(existsSync(join(directory, 'receiver.db-wal'))).toBe(true)
    next.append([sampleBatch()])
    expect(next.takeBatches(TAKE)).toMatchObject([{ id: batch.id }])
  })

  it('does not take a directory that it may not enter for one that is gone', async () => {
    const { engine, directory } = await openAndSpoil(() => {})
    chmodSync(directory, 0)
    onTestFinished(() => chmodSync(directory, 0o700))
    await asOtherUser(() => expect(() => engine.takeBatches(TAKE)).not.toThrow())
  })

  it('goes on after a log that was begun anew, or a database that was written anew', async () => {
    const { engine } = await openAndSpoil(() => {})
    expect(engine.wipe('log')).toBe(true)
    expect(engine.wipe('all')).toBe(true)
    expect(() => engine.append([sampleBatch()])).not.toThrow()
  })

  it('says at its start that the log was lost which the process before had left', async () => {
    const { engine, directory } = await openAndSpoil(() => {})
    const left = mkdtempSync(join(tmpdir(), 'receiver-left-'))
    onTestFinished(() => remove(left))
    // As a process leaves them that was killed.
    for (const name of ['receiver.db', 'receiver.db-shm']) {
      cpSync(join(directory, name), join(left, name))
    }
    engine.close()
    const warnings: string[] = []
    const reopen = async (folder: string) => {
      const onWarning = (text: string) => warnings.push(text)
      const opened = await openSqliteEngine(join(folder, 'receiver.db'), { onWarning })
      opened.close()
    }
    await reopen(directory)
    expect(warnings).toEqual([])
    await reopen(left)
    expect(warnings).toEqual([expect.stringContaining('receiver.db-wal was removed')])
    await reopen(left)
    expect(warnings).toHaveLength(1)
  })
})
