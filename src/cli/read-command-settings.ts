import { readSettings, type Settings } from '../config.ts'
import type { CommandContext } from './command-context.ts'
import { refuseUnwritableFolder } from './refuse-unwritable-folder.ts'

export interface SettingsOptions {
  readonly config?: string
  readonly dev?: boolean
}

/** The settings, with what the command line adds to them. Throws SettingsError. */
export function readCommandSettings(
  { config, dev = false }: SettingsOptions,
  { env }: CommandContext,
): Settings {
  const settings = readSettings({
    env: config === undefined ? env : { ...env, CONFIG_FILE: config },
    dev,
  })
  refuseUnwritableFolder(settings)
  return settings
}
