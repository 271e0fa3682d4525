import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDriver, translateError } from '../../../src/store/sqlite/driver.ts'

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-driver-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

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
    [5, 'store_busy'],
    [3, 'store_unusable'],
    [13, 'store_full'],
    [26, 'store_corrupt'],
    [1034, 'store_broken'],
    [19, 'store_refused'],
  ])('with the code %i is %s', (errcode, code) => {
    expect(translateError(Object.assign(new Error('no'), { errcode })).code).toBe(code)
  })
})
