import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SettingsError } from './problems.ts'
import { errorCode, MIN_SECRET_LENGTH, stripFile } from './secrets.ts'
import { writeSecretFile } from './write-secret-file.ts'

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
