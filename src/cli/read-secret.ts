import { readFile } from 'node:fs/promises'
import { looksLikePath } from '../config/looks-like-name.ts'
import { stripFile } from '../config/secret-text.ts'
import type { CommandContext } from './command-context.ts'
import { CommandFailure, EXIT_CODES } from './command-failure.ts'

export interface SecretPlaces {
  /** The name of the environment variable; `<name>_FILE` is looked at too. */
  readonly name: string
  readonly given?: string | undefined
  readonly file?: string | undefined
}

/** A secret, from an option, a file or the environment, in this order; undefined: nowhere. */
export async function readSecret(
  { name, given, file }: SecretPlaces,
  env: CommandContext['env'],
): Promise<string | undefined> {
  if (given !== undefined) return given
  if (file !== undefined) return readSecretFile(file)
  if (env[name]) return env[name]
  const path = env[`${name}_FILE`]
  return path ? readSecretFile(path) : undefined
}

async function readSecretFile(path: string): Promise<string> {
  try {
    return stripFile(await readFile(path, 'utf8'))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    const file = looksLikePath(path) ? `The file ${path}` : 'The file with the secret'
    throw new CommandFailure(
      `${file} could not be read (${code}). Give the path of a file that holds the secret.`,
      { exitCode: EXIT_CODES.configuration, cause: error },
    )
  }
}
