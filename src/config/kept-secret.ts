import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from './secret-reader.ts'
import { MIN_SECRET_LENGTH, stripFile } from './secret-text.ts'
import { SettingsError } from './settings-error.ts'
import { writeSecretFile } from './write-secret-file.ts'

const OWNER_ONLY = 0o600

/** A secret that is made here, and what it is for. */
interface KeptSecret {
  readonly file: string
  readonly bytes: number
  /** As in: the … cannot be kept. */
  readonly label: string
}

/** The secret kept in `dataDir`, else a new one in hex digits, kept there for next time. */
function keepSecret(
  dataDir: string,
  { file, bytes, label }: KeptSecret,
  randomBytes: (size: number) => Buffer,
): string {
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
 * The signing secret of `--dev`: the one kept in `dataDir`, else a new one, kept there for next
 * time. 32 hex digits, as Mailtrap makes them.
 */
export function keepDevSecret(dataDir: string, randomBytes: (size: number) => Buffer): string {
  const kept = { file: 'dev-secret', bytes: 16, label: 'development secret' }
  return keepSecret(dataDir, kept, randomBytes)
}

/**
 * The key of hashed fields where no setting gives one. A setting has to when several replicas share
 * a store: they would hash one address differently.
 */
export function keepRedactKey(dataDir: string, randomBytes: (size: number) => Buffer): string {
  const kept = { file: 'redact-key', bytes: 32, label: 'key of hashed fields' }
  return keepSecret(dataDir, kept, randomBytes)
}
