import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { stripFile } from '../../config/secret-text.ts'
import { writeSecretFile } from '../../config/write-secret-file.ts'
import type { ProviderName } from '../../model.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure } from '../command-failure.ts'

export interface SecretFile {
  readonly path: string
  /** True when a receiver with our environment reads it already. */
  readonly isRead: boolean
  /** The setting that names the file. */
  readonly setting: string
  /** Puts the secret before those that are there. Throws when it cannot. */
  add(secret: string): void
}

/**
 * Where signing secrets of the provider are kept: the file asked for, the one that the receiver's
 * setting names, else one in the data directory. Throws when nothing can be written there, before
 * a secret is made that no one would ever see again.
 */
export function findSecretFile(
  { provider, secretFile }: { readonly provider: ProviderName; readonly secretFile?: string },
  env: CommandContext['env'],
): SecretFile {
  const setting = `${provider.toUpperCase()}_SIGNING_SECRET_FILE`
  const named = env[setting]
  const path = resolve(
    secretFile ?? named ?? join(env.DATA_DIR || './data', `${provider}-signing-secret`),
  )
  refuseUnwritable(path)
  return {
    path,
    setting,
    isRead: named !== undefined && resolve(named) === path,
    add: (secret) => {
      const before = readSecrets(path).filter((one) => one !== secret)
      writeSecretFile(realPath(path), `${[secret, ...before].join(',')}\n`)
    },
  }
}

function readSecrets(path: string): string[] {
  if (!existsSync(path)) return []
  const text = stripFile(readFileSync(path, 'utf8'))
  return text.split(',').filter((secret) => secret.trim() !== '')
}

/** A link stays a link, and its file is what changes. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
}

function refuseUnwritable(path: string): void {
  try {
    if (existsSync(path)) readFileSync(path)
    accessSync(nearestFolder(dirname(realPath(path))), constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new CommandFailure(
      `The signing secret could not be kept in ${path} (${code}), so no webhook was created. Give a file that this user may write to, with --secret-file.`,
      { cause: error },
    )
  }
}

function nearestFolder(folder: string): string {
  if (existsSync(folder)) return `${folder}/.`
  const parent = dirname(folder)
  return parent === folder ? folder : nearestFolder(parent)
}
