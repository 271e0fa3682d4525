import type { FileHandler } from '../file-schema.ts'
import type { Origins } from '../origins.ts'
import type { SecretReference } from '../secret-reader.ts'

/** An entry of `handlers:`, with the means to read what it holds. */
export interface OpenEntry {
  readonly given: FileHandler
  /** What `read` answers; undefined, and a problem of this key, when it throws `WrongValue`. */
  attempt<Value>(key: string, read: () => Value): Value | undefined
  /** Throws `WrongValue`. */
  readSecret(reference: SecretReference): string
  /** From where relative paths are found. */
  readonly folder: string
  readonly readFile: (path: string) => string
}

export function openEntry(given: FileHandler, index: number, origins: Origins): OpenEntry {
  const { file, secrets, problems, readFile } = origins
  return {
    given,
    attempt: (key, read) => problems.attempt(file.label(`handlers.${index}.${key}`), read),
    readSecret: (reference) => secrets.read(reference, file.folder),
    folder: file.folder,
    readFile,
  }
}
