import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripFile } from '../../config/secret-text.ts'
import { DEFAULT_PROVIDER, type ProviderName } from '../../model.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure, EXIT_CODES } from '../command-failure.ts'
import { readSecret } from '../read-secret.ts'

export interface SecretOptions {
  readonly provider: ProviderName
  readonly secret?: string
  readonly secretFile?: string
}

/** The secret to sign with: of a list, newest first, the newest. */
export async function findSigningSecret(
  { provider, secret, secretFile }: SecretOptions,
  env: CommandContext['env'],
): Promise<string> {
  const name = `${provider.toUpperCase()}_SIGNING_SECRET`
  const places = { name, given: secret, file: secretFile }
  const text = (await readSecret(places, env)) ?? (await readDevelopmentSecret(provider, env))
  const newest = text?.split(',')[0]?.trim()
  if (newest) return newest
  throw new CommandFailure(
    `There is no signing secret to sign with. Set ${name}, give --secret-file, or start the receiver with --dev on the same data directory.`,
    { exitCode: EXIT_CODES.configuration },
  )
}

/** What `serve --dev` keeps; undefined when it never ran here. */
async function readDevelopmentSecret(
  provider: ProviderName,
  env: CommandContext['env'],
): Promise<string | undefined> {
  if (provider !== DEFAULT_PROVIDER) return undefined
  const path = join(env.DATA_DIR || './data', 'dev-secret')
  return readFile(path, 'utf8').then(stripFile, () => undefined)
}
