import { resolve } from 'node:path'
import { stripFile } from './secret-text.ts'
import { WrongValue } from './wrong-value.ts'

/** Where a secret stands: here, in a variable, or in a file. */
export type SecretReference = string | { readonly env: string } | { readonly file: string }

/** Reads secrets, and remembers where they stand. */
export interface SecretReader {
  /** The secret's text. Throws `WrongValue`. Files are found from `folder`. */
  read(reference: SecretReference, folder: string): string
  /** Absolute paths of every file read. */
  readonly files: Set<string>
  /** Every environment variable read. */
  readonly variables: Set<string>
}

export function createSecretReader(options: {
  env: NodeJS.ProcessEnv
  readFile: (path: string) => string
}): SecretReader {
  const files = new Set<string>()
  const variables = new Set<string>()

  function readVariable(name: string): string {
    variables.add(name)
    const text = options.env[name]
    if (text !== undefined) return text
    throw new WrongValue(`names the variable ${name}, which is not set`, `Set ${name}.`)
  }

  function readSecretFile(path: string): string {
    files.add(path)
    return stripFile(readFileOrExplain(options.readFile, path))
  }

  return {
    files,
    variables,
    read(reference, folder) {
      if (typeof reference === 'string') return reference
      if ('env' in reference) return readVariable(reference.env)
      return readSecretFile(resolve(folder, reference.file))
    },
  }
}

/** The file's text; a `WrongValue` that says why when it cannot be read. */
export function readFileOrExplain(readFile: (path: string) => string, path: string): string {
  try {
    return readFile(path)
  } catch (error) {
    throw new WrongValue(
      `names the file ${path}, which cannot be read (${errorCode(error)})`,
      'Give the path of a file that this user may read.',
    )
  }
}

/** `ENOENT` and the like. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
