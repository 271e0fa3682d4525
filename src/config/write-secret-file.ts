import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

const OWNER_ONLY = 0o600

/**
 * Keeps a secret where only this user can read it; makes the folder if it is missing. By way of a
 * second file: a process that dies here leaves the old text or the new one, and whoever reads
 * meanwhile sees one of them whole.
 */
export function writeSecretFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const unfinished = `${path}.${process.pid}`
  const file = openSync(unfinished, 'w', OWNER_ONLY)
  writeSync(file, text)
  fsyncSync(file)
  closeSync(file)
  chmodSync(unfinished, OWNER_ONLY)
  renameSync(unfinished, path)
}
