import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/**
 * A browser that is installed here, by its path. `.ci/run` tries to install Debian's, and says
 * `CHROMIUM=none` where it cannot; in any other CI run a missing one is a failure.
 */
export function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  const found = paths.find(isExecutable)
  if (found !== undefined) return found
  if (process.env['CI'] === 'true' && process.env['CHROMIUM'] !== 'none') {
    throw new Error(`None of ${NAMES.join(', ')} is in PATH: install Debian's package chromium.`)
  }
  console.warn(
    '\nSKIPPED: the dashboard is not tested in a browser, for want of Chromium in PATH.\n',
  )
  return undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
