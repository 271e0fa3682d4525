import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { SettingsError } from './settings-error.ts'

/** What is set by variables, of the process and of a file. */
export interface Environment {
  readonly env: NodeJS.ProcessEnv
  /** The `.env` that was read; undefined: there is none. */
  readonly file: string | undefined
}

/**
 * The variables of the process, and below them those of `.env` in `folder`. Set and empty counts as not
 * set. Throws a `SettingsError` when there is a `.env` that cannot be read.
 */
export function readEnvironment(env: NodeJS.ProcessEnv, folder: string): Environment {
  const file = join(folder, '.env')
  const text = readIfThere(file)
  if (text === undefined) return { env, file: undefined }
  const set = Object.entries(env).filter(([, value]) => value?.trim())
  return { env: { ...env, ...parseEnv(text), ...Object.fromEntries(set) }, file }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EISDIR') return undefined
    const remedy = `Let this user read ${file}, or remove it.`
    throw new SettingsError([{ setting: '.env', problem: `cannot be read (${code})`, remedy }])
  }
}
