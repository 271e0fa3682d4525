import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { removeSpool, setAside, spoolPath } from '../../../src/store/spool/spool-disk.ts'
import { newDirectory } from './build-spool.ts'

function fill(directory: string): void {
  mkdirSync(directory, { recursive: true })
  for (const ending of ['', '-wal', '-shm']) writeFileSync(`${spoolPath(directory)}${ending}`, 'x')
}

it('moves a spool aside with its log, under a name by which SQLite finds it', () => {
  const directory = newDirectory()
  fill(directory)
  const aside = setAside(directory, Date.UTC(2026, 0, 17, 12, 30))
  expect(aside).toBe(join(directory, 'unusable-20260117T123000000Z.db'))
  expect(readdirSync(directory).sort()).toEqual([
    'unusable-20260117T123000000Z.db',
    'unusable-20260117T123000000Z.db-shm',
    'unusable-20260117T123000000Z.db-wal',
  ])
})

it('removes a spool with its log, also when there is none', () => {
  const directory = newDirectory()
  fill(directory)
  removeSpool(directory)
  removeSpool(directory)
  expect(readdirSync(directory)).toEqual([])
})
