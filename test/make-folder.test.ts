import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { makeFolder } from '../src/make-folder.ts'
import { onTestFinished } from './on-test-finished.ts'

const SOURCES = fileURLToPath(new URL('../src', import.meta.url))

function makePlace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'make-folder-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const modeOf = (path: string) => statSync(path).mode & 0o777

describe('makeFolder', () => {
  it('makes those above it that are missing, each with the mode, and takes one that is there', () => {
    const place = makePlace()
    for (let time = 0; time < 2; time++) makeFolder(join(place, 'a/b/c'), 0o700)
    for (const path of ['a', 'a/b', 'a/b/c']) expect(modeOf(join(place, path))).toBe(0o700)
  })

  it('follows a link to a folder', () => {
    const place = makePlace()
    makeFolder(join(place, 'real'))
    symlinkSync('real', join(place, 'link'))
    makeFolder(join(place, 'link/below'))
    expect(readdirSync(join(place, 'real'))).toEqual(['below'])
  })

  it('throws where a file is in its place, or above it', () => {
    const place = makePlace()
    writeFileSync(join(place, 'file'), '')
    expect(() => makeFolder(join(place, 'file'))).toThrow('EEXIST')
    expect(() => makeFolder(join(place, 'file/below'))).toThrow('EEXIST')
  })

  it('throws where the system makes none', { skip: process.platform !== 'linux' }, () => {
    expect(() => makeFolder('/proc/x/y')).toThrow(
      "ENOENT: no such file or directory, mkdir '/proc/x'",
    )
  })

  it('is what makes all folders whose parents may be missing', () => {
    const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    const sources = files.filter((name) => name.endsWith('.ts'))
    const makers = sources.filter((name) =>
      /\bmkdir(Sync)?\b/.test(readFileSync(join(SOURCES, name), 'utf8')),
    )
    expect(makers).toEqual(['make-folder.ts'])
  })
})
