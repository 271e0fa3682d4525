import { accessSync, constants, existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, looksLikePath, stripFile } from '../config/secrets.ts'
import { type ReadSettingsOptions, readSettings, type Settings, SettingsError } from '../config.ts'
import { type CommandContext, wrongSettings } from './command.ts'

/** The settings of the receiver that is to run here. Throws SettingsError. */
export function readCommandSettings(
  options: Pick<ReadSettingsOptions, 'dev' | 'isSourceOptional'>,
  { readEnvironment }: Pick<CommandContext, 'readEnvironment'>,
): Settings {
  const { env, file } = readEnvironment()
  const settings = readSettings({ ...options, env, envFile: file })
  refuseUnwritableFolder(settings)
  return settings
}

/**
 * Throws a SettingsError when no database can be kept where the settings say. The store would only
 * find that it cannot write, as with a full disk, and that it can mend itself.
 */
function refuseUnwritableFolder({ dataDir, storeFile }: Settings): void {
  const folder = storeFile === undefined ? dataDir : dirname(storeFile)
  const setting = folder === dataDir ? 'DATA_DIR' : 'STORE_URL'
  if (storeFile !== undefined && existsSync(`${storeFile}/.`)) {
    const problem = `leads to ${storeFile}, which is a folder`
    throw new SettingsError([
      { setting, problem, remedy: 'Give the path of a file, which need not be there yet.' },
    ])
  }
  try {
    needWritableFolder(folder)
  } catch (error) {
    const problem = `leads to the folder ${folder}, where nothing can be written (${errorCode(error)})`
    throw new SettingsError([
      { setting, problem, remedy: 'Give a folder that this user may write to.' },
    ])
  }
}

/** Throws what the system says when nothing can be made in a folder, which need not be there yet. */
export function needWritableFolder(folder: string): void {
  accessSync(nearestExisting(folder), constants.W_OK | constants.X_OK)
}

/** The folder, or the one in which it would be made; a file in its place is refused as ENOTDIR. */
function nearestExisting(folder: string): string {
  if (existsSync(folder)) return `${folder}/.`
  const parent = dirname(folder)
  return parent === folder ? folder : nearestExisting(parent)
}

interface SecretPlaces {
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
    const file = looksLikePath(path) ? `The file ${path}` : 'The file with the secret'
    throw wrongSettings(
      `${file} could not be read (${errorCode(error)}). Give the path of a file that holds the secret.`,
      error,
    )
  }
}
