import { type SettingName, settingsSchema } from './settings-schema.ts'

/** A row of the table of settings. */
export interface SettingDescription {
  readonly name: SettingName
  /** The same setting in the YAML file: `retainEvents` for `RETAIN_EVENTS`. */
  readonly fileKey: string
  /** As one would write it; undefined: not set. */
  readonly default: string | undefined
  readonly meaning: string
  /** May be given as `NAME_FILE`, a path. */
  readonly isSecret: boolean
}

/** Every setting, in the order of the documentation. */
export const SETTINGS: readonly SettingDescription[] = Object.entries(settingsSchema.shape).map(
  ([name, field]) => {
    const meta = field.meta()
    return {
      name: name as SettingName,
      fileKey: fileKeyOf(name),
      default: meta?.['shownDefault'] as string | undefined,
      meaning: String(meta?.['meaning']),
      isSecret: meta?.['isSecret'] === true,
    }
  },
)

/** Only commands read them, but handlers do not get them either. */
const COMMAND_VARIABLES = [
  'MAILINGAPI_API_TOKEN',
  'MAILINGAPI_API_TOKEN_FILE',
  'MAILINGAPI_API_URL',
]

/** Every environment variable that is one of our settings. */
export const SETTING_VARIABLES: readonly string[] = [
  ...SETTINGS.flatMap(({ name, isSecret }) => (isSecret ? [name, `${name}_FILE`] : [name])),
  ...COMMAND_VARIABLES,
]

function fileKeyOf(name: string): string {
  return name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}
