import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readFileSecret, readFileText } from './file-values.ts'
import { ProblemList, WrongValue } from './problems.ts'
import { createSecretReader, type SecretReader } from './secrets.ts'
import { readSettingsFile, type SettingsFile } from './settings-file.ts'
import {
  SETTINGS,
  type SettingDescription,
  type SettingName,
  type SettingValues,
} from './settings-table.ts'

/** A setting as somebody wrote it. */
export interface GivenSetting {
  readonly text: string
  /** How a message names it. */
  readonly label: string
  /** From where a relative path in it is found. */
  readonly folder: string
  readonly isFromFile: boolean
}

export type GivenSettings = ReadonlyMap<SettingName, GivenSetting>

/** Where settings are found. */
interface Places {
  /** Without what is set and empty. */
  readonly env: NodeJS.ProcessEnv
  /** From where relative paths of the environment are found. */
  readonly cwd: string
  readonly file: SettingsFile
  readonly secrets: SecretReader
  readonly problems: ProblemList
  readonly readFile: (path: string) => string
}

/** Of what sources, handlers and all else that is set is made. */
export interface Origins extends Places {
  readonly given: GivenSettings
  /** A wrong one has left its problem, and its default stands in. */
  readonly values: SettingValues
}

interface Surroundings extends Pick<Places, 'cwd'> {
  /** Set and empty counts as not set: so compose files and service managers write what is left out. */
  readonly env: NodeJS.ProcessEnv
  readonly readFile?: ((path: string) => string) | undefined
}

/** Reads the settings file, and every setting, or some. */
export function readOrigins(
  { env: given, cwd, readFile = (path) => readFileSync(path, 'utf8') }: Surroundings,
  settings = SETTINGS,
): Origins {
  const env = Object.fromEntries(Object.entries(given).filter(([, text]) => text?.trim()))
  const problems = new ProblemList()
  const file = readSettingsFile({ env, cwd, readFile }, problems)
  const secrets = createSecretReader({ env, readFile })
  const places = { env, cwd, file, secrets, problems, readFile }
  const found = collectGiven(places, settings)
  return { ...places, given: found, values: readGiven(found, problems) }
}

/** Finds the text of settings: in the environment, in a file it names, else in the YAML file. */
function collectGiven(origins: Places, settings: readonly SettingDescription[]): GivenSettings {
  const { problems } = origins
  const given = new Map<SettingName, GivenSetting>()
  for (const setting of settings) {
    const label = labelOf(setting, origins)
    if (!label) continue
    const text = problems.attempt(label, () => refuseEmpty(findText(setting, origins)))
    const isFromFile = label === origins.file.label(setting.fileKey)
    const folder = isFromFile ? origins.file.folder : origins.cwd
    if (text !== undefined) given.set(setting.name, { text, label, folder, isFromFile })
  }
  return given
}

/** Reads the texts. A wrong one leaves its problem, and its default stands in. */
function readGiven(given: GivenSettings, problems: ProblemList): SettingValues {
  const values = SETTINGS.map(({ name, read }) => {
    const one = given.get(name)
    const own = one && problems.attempt(one.label, () => ({ value: read(one.text) }))
    return [name, own ? own.value : read(undefined)]
  })
  return Object.fromEntries(values)
}

/** How a message names the place where a setting is given, right or wrong; undefined when it is not. */
export function labelOf(
  { name, fileKey, isSecret }: SettingDescription,
  { env, file }: Pick<Places, 'env' | 'file'>,
): string | undefined {
  if (env[name] !== undefined) return name
  if (isSecret && env[`${name}_FILE`] !== undefined) return `${name}_FILE`
  return file.values[fileKey] === undefined ? undefined : file.label(fileKey)
}

function findText(setting: SettingDescription, { env, cwd, file, secrets }: Places): string {
  const { name, fileKey, isSecret } = setting
  const path = isSecret ? env[`${name}_FILE`] : undefined
  if (env[name] !== undefined && path !== undefined) {
    throw new WrongValue(`is given twice, also as ${name}_FILE`, 'Remove one of them.')
  }
  if (path !== undefined) return secrets.read({ file: refuseEmpty(path) }, cwd)
  const value = env[name] ?? file.values[fileKey]
  return isSecret ? secrets.read(readFileSecret(value), file.folder) : readFileText(value)
}

// A file that somebody forgot to fill: no default may hide that.
function refuseEmpty(text: string): string {
  if (text.trim() !== '') return text
  throw new WrongValue('is empty', 'Give a value, or remove it.')
}

/** Where the admin listener of these settings is; its port may be 0, of which only its log knows. */
export interface AdminAddress {
  readonly host: string
  readonly port: number
  readonly password: string | undefined
}

/** The admin listener of the receiver that runs with these settings; undefined: turned off. */
export function readAdminAddress(env: NodeJS.ProcessEnv): AdminAddress | undefined {
  const names = ['ADMIN_HOST', 'ADMIN_PORT', 'ADMIN_PASSWORD'] as const
  const { ADMIN_HOST: host, ADMIN_PORT: port, ADMIN_PASSWORD: password } = readSome(names, env)
  return port === undefined ? undefined : { host, port, password }
}

/**
 * Some of a receiver's settings, for commands that speak to it. Nothing else is read of the
 * environment: whoever asks a receiver need not be able to read its secrets. Throws SettingsError
 * for what is wrong with these, or anywhere in the file, where a misspelt key would lead to another
 * receiver.
 */
export function readSome<Name extends SettingName>(
  names: readonly Name[],
  env: NodeJS.ProcessEnv,
): Pick<SettingValues, Name> {
  const wanted: readonly string[] = names
  const settings = SETTINGS.filter(({ name }) => wanted.includes(name))
  const { problems, given, values } = readOrigins({ env, cwd: '.' }, settings)
  problems.throwIfAny([])
  const dataDir = resolve(given.get('DATA_DIR')?.folder ?? '.', values.DATA_DIR)
  const resolved: SettingValues = { ...values, DATA_DIR: dataDir }
  return resolved
}
