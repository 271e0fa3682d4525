import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
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

function flipBit(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[Math.floor(at)]! ^= 1
  writeFileSync(file, bytes)
}

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

  it.each<[string, (log: string) => void]>([
    ['removed', remove],
    ['cut', (log) => truncateSync(log, statSync(log).size - 4_096)],
    ['emptied', (log) => truncateSync(log, 0)],
    ['damaged in its head', (log) => flipBit(log, 20)],
    ['damaged in its middle', (log) => flipBit(log, statSync(log).size / 2)],
    ['damaged at its end', (log) => flipBit(log, statSync(log).size - 1)],
  ])('says once at its start that the log of the process before was %s', async (_name, spoil) => {
    const { directory } = await openAndSpoil(() => {})
    const left = mkdtempSync(join(tmpdir(), 'receiver-left-'))
    onTestFinished(() => remove(left))
    // As a process leaves it that was killed.
    const leave = () => cpSync(directory, left, { recursive: true })
    const warnings: string[] = []
    const reopen = async () => {
      const onWarning = (text: string) => warnings.push(text)
      const opened = await openSqliteEngine(join(left, 'receiver.db'), { onWarning })
      opened.close()
    }
    leave()
    await reopen()
    expect(warnings).toEqual([])
    leave()
    spoil(join(left, 'receiver.db-wal'))
    await reopen()
    expect(warnings).toEqual([
      expect.stringContaining('receiver.db-wal was removed, cut or damaged'),
    ])
    await reopen()
    expect(warnings).toHaveLength(1)
  })

  it('says nothing of a log that was begun anew', async () => {
    const { engine, directory } = await openAndSpoil(() => {})
    engine.wipe('log')
    const left = mkdtempSync(join(tmpdir(), 'receiver-left-'))
    onTestFinished(() => remove(left))
    const warnings: string[] = []
    for (const append of [() => {}, () => engine.append([sampleBatch()])]) {
      append()
      cpSync(directory, left, { recursive: true })
      const onWarning = (text: string) => warnings.push(text)
      ;(await openSqliteEngine(join(left, 'receiver.db'), { onWarning })).close()
    }
    expect(warnings).toEqual([])
  })
})
