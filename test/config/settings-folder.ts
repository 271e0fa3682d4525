import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  type ReadSettingsOptions,
  readSettings,
  type Settings,
  SettingsError,
} from '../../src/config.ts'
import { onTestFinished } from '../on-test-finished.ts'

export const SECRET = '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e'
export const OLD_SECRET = '00112233445566778899aabbccddeeff'
export const WITH_SECRET = { MAILTRAP_SIGNING_SECRET: SECRET }

/** An empty folder that goes away after the test, with these files in it. */
export function makeFolder(files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

type Options = Omit<ReadSettingsOptions, 'env'>

/** Settings read from an empty folder, without this process's environment. */
export function read(env: NodeJS.ProcessEnv, options: Options = {}): Settings {
  return readSettings({ env, cwd: makeFolder(), ...options })
}

/** Settings with the text as CONFIG_FILE `receiver.yaml`. */
export function readYaml(
  yaml: string,
  env: NodeJS.ProcessEnv = {},
  options: Options = {},
): Settings {
  const cwd = makeFolder({ 'receiver.yaml': yaml })
  return read({ CONFIG_FILE: 'receiver.yaml', ...env }, { cwd, ...options })
}

/** The lines of the SettingsError that `run` throws, without the first. */
export function problemLines(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof SettingsError) {
      return error.message
        .split('\n')
        .slice(1)
        .map((line) => line.trim())
    }
    throw error
  }
  return []
}
