import { fstatSync, readdirSync, writeSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { SLOT_BYTES } from '../../../src/dispatch/channel-frames.ts'
import { ProgressFile } from '../../../src/dispatch/process/watch-progress.ts'
import { makeFolder } from '../../config/settings-folder.ts'
import { onTestFinished } from '../../on-test-finished.ts'

function open(): ProgressFile {
  const reader = new ProgressFile()
  onTestFinished(() => reader.close())
  return reader
}

describe('ProgressFile', () => {
  it('has a file without a name that only we may read', () => {
    // The usual one has those of other receivers, for the moment that theirs have a name.
    const folder = makeFolder()
    vi.stubEnv('TMPDIR', folder)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { mode, nlink } = fstatSync(open().fd)
    expect(mode & 0o777).toBe(0o600)
    expect(nlink).toBe(0)
    expect(readdirSync(folder)).toEqual([])
  })

  it('reads what a child has written, and nothing where it has not', () => {
    const reader = open()
    expect(reader.readSlot(3, 4)).toEqual(Uint32Array.of(0, 0, 0, 0))
    writeSync(reader.fd, Uint32Array.of(2_000_002, 1), 0, 8, 3 * SLOT_BYTES)
    expect(reader.readSlot(3, 4)).toEqual(Uint32Array.of(2_000_002, 1, 0, 0))
  })

  it('clears a slot that was another page’s', () => {
    const reader = open()
    reader.clearSlot(3)
    writeSync(reader.fd, Uint32Array.of(2, 1), 0, 8, 3 * SLOT_BYTES)
    reader.clearSlot(3)
    expect(reader.readSlot(3, 2)).toEqual(Uint32Array.of(0, 0))
  })

  it('answers nothing once it is closed', () => {
    const reader = open()
    reader.close()
    reader.close()
    expect(reader.readSlot(0, 1)).toEqual(Uint32Array.of(0))
  })
})
