import type { FileHandler } from '../file-schema.ts'
import type { Origins } from '../given-settings.ts'
import type { SecretReference } from '../secrets.ts'

export type OpenEntry = ReturnType<typeof openEntry>

/** An entry of `handlers:`, with the means to read what it holds. */
export function openEntry(given: FileHandler, index: number, origins: Origins) {
  const { file, secrets, problems, readFile } = origins
  const { folder } = file
  return {
    given,
    /** What `read` answers; undefined, and a problem of this key, when it throws `WrongValue`. */
    attempt: <Value>(key: string, read: () => Value) =>
      problems.attempt(file.label(`handlers.${index}.${key}`), read),
    /** Throws `WrongValue`. */
    readSecret: (reference: SecretReference) => secrets.read(reference, folder),
    /** From where relative paths are found. */
    folder,
    readFile,
  }
}
