import { keepSecret } from './kept-secret.ts'

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
