import type { GivenSettings } from './given-settings.ts'
import type { SecretReader } from './secret-reader.ts'
import type { ProblemList } from './settings-error.ts'
import type { SettingsFile } from './settings-file.ts'
import type { SettingValues } from './settings-table.ts'

/** Of what sources, handlers and all else that is set is made. */
export interface Origins {
  /** Without what is set and empty. */
  readonly env: NodeJS.ProcessEnv
  /** From where relative paths of the environment are found. */
  readonly cwd: string
  readonly file: SettingsFile
  readonly given: GivenSettings
  /** A wrong one has left its problem, and its default stands in. */
  readonly values: SettingValues
  readonly secrets: SecretReader
  readonly problems: ProblemList
  readonly readFile: (path: string) => string
}
