import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  isBuiltInUsable,
  openDriver,
  refuseUnsafeVersion,
  translateError,
} from '../../../src/store/sqlite/driver.ts'
import { onTestFinished } from '../../on-test-finished.ts'

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-driver-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('the SQLite that is used', () => {
  it.each([
    ['20.19.0', undefined, false],
    ['22.20.0', '3.53.0', false],
    ['24.0.0', '3.49.1', false],
    ['24.14.0', '3.51.2', false],
    ['24.15.0', '3.51.3', true],
    ['24.21.0', '3.53.4', true],
    ['25.2.0', '3.51.0', false],
    ['26.0.0', '4.0.0', true],
    ['26.0.0', undefined, false],
  ])('is that of Node %s, with SQLite %s: %s', (node, sqlite, isUsed) => {
    expect(isBuiltInUsable({ node, sqlite })).toBe(isUsed)
  })

  it('is never one that is too old, whichever Node runs', async () => {
    const db = await openDriver(':memory:', { isReadOnly: false })
    onTestFinished(() => db.close())
    expect(() => refuseUnsafeVersion(db)).not.toThrow()
  })
})

describe('what SQLite refuses', () => {
  it('is no store that can be used where the file cannot be opened', async () => {
    const opening = openDriver(makeFolder(), { isReadOnly: false })
    expect(translateError(await opening.catch((error: unknown) => error))).toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining('cannot be opened or written'),
    })
  })

  it('is no store that can be used where the file cannot be written', async () => {
    const file = join(makeFolder(), 'some.db')
    const writer = await openDriver(file, { isReadOnly: false })
    writer.exec('CREATE TABLE t (n INTEGER)')
    writer.close()
    const reader = await openDriver(file, { isReadOnly: true })
    onTestFinished(() => reader.close())
    let problem: unknown
    try {
      reader.exec('INSERT INTO t VALUES (1)')
    } catch (error) {
      problem = error
    }
    expect(translateError(problem).code).toBe('store_unusable')
  })

  it.each([
    ['EACCES', 'store_unusable'],
    ['EROFS', 'store_unusable'],
    ['ENOSPC', 'store_full'],
  ])('as a file, with the code %s, is %s', (errno, code) => {
    expect(translateError(Object.assign(new Error('no'), { code: errno })).code).toBe(code)
  })

  it.each([
    [5, 'store_busy'],
    [3, 'store_unusable'],
    [266, 'store_unusable'],
    [778, 'store_unusable'],
    [13, 'store_full'],
    [26, 'store_corrupt'],
    [1034, 'store_broken'],
    [19, 'store_refused'],
  ])('with the code %i is %s', (errcode, code) => {
    expect(translateError(Object.assign(new Error('no'), { errcode })).code).toBe(code)
  })
})
