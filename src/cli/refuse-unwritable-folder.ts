import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Settings, SettingsError } from '../config.ts'

/**
 * Throws a SettingsError when no database can be kept where the settings say. The store would only
 * find that it cannot write, as with a full disk, and that it can mend itself.
 */
export function refuseUnwritableFolder({ dataDir, storeFile }: Settings): void {
  if (storeFile !== undefined && existsSync(`${storeFile}/.`)) {
    throw new SettingsError([
      {
        setting: dirname(storeFile) === dataDir ? 'DATA_DIR' : 'STORE_URL',
        problem: `leads to ${storeFile}, which is a folder`,
        remedy: 'Give the path of a file, which need not be there yet.',
      },
    ])
  }
  const folder = storeFile === undefined ? dataDir : dirname(storeFile)
  try {
    accessSync(nearestExisting(folder), constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new SettingsError([
      {
        setting: folder === dataDir ? 'DATA_DIR' : 'STORE_URL',
        problem: `leads to the folder ${folder}, where nothing can be written (${code})`,
        remedy: 'Give a folder that this user may write to.',
      },
    ])
  }
}

/** The folder, or the one in which it would be made; a file in its place is refused as ENOTDIR. */
function nearestExisting(folder: string): string {
  if (existsSync(folder)) return `${folder}/.`
  const parent = dirname(folder)
  return parent === folder ? folder : nearestExisting(parent)
}
