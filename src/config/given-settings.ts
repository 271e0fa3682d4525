import { readFileSecret, readFileText } from './file-values.ts'
import type { SecretReader } from './secret-reader.ts'
import type { ProblemList } from './settings-error.ts'
import type { SettingsFile } from './settings-file.ts'
import {
  SETTINGS,
  type SettingDescription,
  type SettingName,
  type SettingValues,
} from './settings-table.ts'
import { WrongValue } from './wrong-value.ts'

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

interface Places {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly file: SettingsFile
  readonly secrets: SecretReader
}

/** Finds the text of every setting, or of some: in the environment, in a file it names, else in the YAML file. */
export function collectGiven(
  origins: Places,
  problems: ProblemList,
  settings = SETTINGS,
): GivenSettings {
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

/** Set and empty counts as not set: so compose files and service managers write what is left out. */
export function withoutEmpty(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, text]) => text?.trim()))
}

/** Reads the texts. A wrong one leaves its problem, and its default stands in. */
export function readGiven(given: GivenSettings, problems: ProblemList): SettingValues {
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
