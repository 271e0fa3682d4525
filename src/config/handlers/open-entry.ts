import type { FileHandler } from '../file-schema.ts'
import type { Origins } from '../given-settings.ts'
import type { SecretReference } from '../secrets.ts'

export type OpenEntry = ReturnType<typeof openEntry>

/** An entry of `handlers:`, with the means to read what it holds. `label`: how a message names a key of it. */
export function openEntry(
  given: FileHandler,
  { file: { folder }, secrets, problems, readFile }: Origins,
  label: (key: string) => string,
) {
  return {
    given,
    /** What `read` answers; undefined, and a problem of this key, when it throws `WrongValue`. */
    attempt: <Value>(key: string, read: () => Value) => problems.attempt(label(key), read),
    /** Throws `WrongValue`. */
    readSecret: (reference: SecretReference) => secrets.read(reference, folder),
    /** From where relative paths are found. */
    folder,
    readFile,
  }
}
