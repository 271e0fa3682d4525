import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeSecretFile } from '../../src/config/secret-files.ts'
import { makeFolder } from './settings-folder.ts'

/** As a file does that is mounted by itself. */
function refuseRename(): never {
  throw Object.assign(new Error('EBUSY: resource busy or locked, rename'), { code: 'EBUSY' })
}

describe('a secret that is written to a file', () => {
  it('takes the place of the one before, in a file of its own', () => {
    const folder = makeFolder({ secret: 'old' })
    const before = statSync(join(folder, 'secret')).ino
    writeSecretFile(join(folder, 'secret'), 'new')
    expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('new')
    expect(statSync(join(folder, 'secret')).ino).not.toBe(before)
    expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600)
  })

  it('is written into a file that cannot be replaced, and is nowhere else', () => {
    const folder = makeFolder({ secret: 'a longer one from before' })
    const before = statSync(join(folder, 'secret')).ino
    writeSecretFile(join(folder, 'secret'), 'new', refuseRename)
    expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('new')
    expect(statSync(join(folder, 'secret')).ino).toBe(before)
    expect(readdirSync(folder)).toEqual(['secret'])
  })

  it('stays nowhere when it cannot be kept', () => {
    const folder = makeFolder()
    mkdirSync(join(folder, 'secret'))
    writeFileSync(join(folder, 'secret', 'other'), '')
    expect(() => writeSecretFile(join(folder, 'secret'), 'new')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
    expect(() => writeSecretFile(join(folder, 'secret'), 'new', refuseRename)).toThrow(/EISDIR/)
    expect(readdirSync(folder)).toEqual(['secret'])
  })
})
