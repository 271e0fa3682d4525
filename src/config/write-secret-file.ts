import { chmodSync, closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder } from '../make-folder.ts'

const OWNER_ONLY = 0o600

/**
 * Keeps a secret where only this user can read it; makes the folder if it is missing. By way of a
 * second file: a process that dies here leaves the old text or the new one, and whoever reads
 * meanwhile sees one of them whole. A file that is mounted by itself cannot be replaced, only written.
 */
export function writeSecretFile(path: string, text: string, rename = renameSync): void {
  makeFolder(dirname(path), 0o700)
  const unfinished = `${path}.${process.pid}`
  try {
    writeSynced(unfinished, text)
    chmodSync(unfinished, OWNER_ONLY)
    rename(unfinished, path)
  } catch (error) {
    rmSync(unfinished, { force: true })
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
    writeSynced(path, text)
  }
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, 'w', OWNER_ONLY)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
