import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from '../make-folder.ts'
import { SettingsError } from './problems.ts'
import { errorCode, MIN_SECRET_LENGTH, stripFile } from './secrets.ts'

const OWNER_ONLY = 0o600

/**
 * The signing secret of `--dev`, 32 hex digits as Mailtrap makes them, and the key of hashed fields where
 * no setting gives one. A setting has to when several replicas share a store: they would hash one address
 * differently.
 */
const KEPT = {
  dev: { file: 'dev-secret', bytes: 16, label: 'development secret' },
  redact: { file: 'redact-key', bytes: 32, label: 'key of hashed fields' },
} as const

/** The secret kept in `dataDir`, else a new one in hex digits, kept there for next time. */
export function keepSecret(
  dataDir: string,
  kind: keyof typeof KEPT,
  randomBytes: (size: number) => Buffer,
): string {
  const { file, bytes, label } = KEPT[kind]
  const path = join(dataDir, file)
  try {
    const kept = readKept(path)
    if (kept) return kept
    const secret = randomBytes(bytes).toString('hex')
    writeSecretFile(path, `${secret}\n`)
    return secret
  } catch (error) {
    throw new SettingsError([
      {
        setting: 'DATA_DIR',
        problem: `is ${dataDir}, where the ${label} cannot be kept (${errorCode(error)})`,
        remedy: 'Give a folder that this user may write to.',
      },
    ])
  }
}

function readKept(path: string): string | undefined {
  try {
    const text = stripFile(readFileSync(path, 'utf8'))
    chmodSync(path, OWNER_ONLY)
    return text.length >= MIN_SECRET_LENGTH ? text : undefined
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

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
