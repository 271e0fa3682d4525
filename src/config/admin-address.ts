import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { collectGiven, readGiven, withoutEmpty } from './given-settings.ts'
import { createSecretReader } from './secret-reader.ts'
import { ProblemList } from './settings-error.ts'
import { readSettingsFile } from './settings-file.ts'
import type { SettingName, SettingValues } from './settings-table.ts'
import { SETTINGS } from './settings-table.ts'

/** Where the admin listener of these settings is; its port may be 0, of which only its log knows. */
export interface AdminAddress {
  readonly host: string
  readonly port: number
  readonly password: string | undefined
}

/** The admin listener of the receiver that runs with these settings; undefined: turned off. */
export function readAdminAddress(env: NodeJS.ProcessEnv, cwd: string): AdminAddress | undefined {
  const names = ['ADMIN_HOST', 'ADMIN_PORT', 'ADMIN_PASSWORD'] as const
  const { ADMIN_HOST: host, ADMIN_PORT: port, ADMIN_PASSWORD: password } = readSome(names, env, cwd)
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
  given: NodeJS.ProcessEnv,
  cwd: string,
): Pick<SettingValues, Name> {
  const env = withoutEmpty(given)
  const problems = new ProblemList()
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const file = readSettingsFile({ env, cwd, readFile }, problems)
  const secrets = createSecretReader({ env, readFile })
  const wanted: readonly string[] = names
  const settings = SETTINGS.filter(({ name }) => wanted.includes(name))
  const found = collectGiven({ env, cwd, file, secrets }, problems, settings)
  const values = readGiven(found, problems)
  problems.throwIfAny([])
  const dataDir = resolve(found.get('DATA_DIR')?.folder ?? cwd, values.DATA_DIR)
  const resolved: SettingValues = { ...values, DATA_DIR: dataDir }
  return resolved
}
