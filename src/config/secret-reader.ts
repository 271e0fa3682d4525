import { resolve } from 'node:path'
import { stripFile } from './secret-text.ts'
import { WrongValue } from './wrong-value.ts'

/** Where a secret stands: here, in a variable, or in a file. */
export type SecretReference = string | { readonly env: string } | { readonly file: string }

export type SecretReader = ReturnType<typeof createSecretReader>

/** Reads secrets, and remembers the variables in which they stand. */
export function createSecretReader(options: {
  env: NodeJS.ProcessEnv
  readFile: (path: string) => string
}) {
  const variables = new Set<string>()

  function readVariable(name: string): string {
    variables.add(name)
    const text = options.env[name]
    if (text !== undefined) return text
    if (looksLikeVariable(name)) {
      throw new WrongValue(`names the variable ${name}, which is not set`, `Set ${name}.`)
    }
    throw new WrongValue(
      'names a variable that is not set; it may be the value itself, so it is not shown',
      'Give the name of a variable that is set.',
    )
  }

  function readSecretFile(given: string, folder: string): string {
    return stripFile(readFileOrExplain(options.readFile, resolve(folder, given), given))
  }

  return {
    /** Every environment variable read. */
    variables,
    /** The secret's text. Throws `WrongValue`. Files are found from `folder`. */
    read(reference: SecretReference, folder: string): string {
      if (typeof reference === 'string') return reference
      if ('env' in reference) return readVariable(reference.env)
      return readSecretFile(reference.file, folder)
    },
  }
}

/**
 * The file's text; a `WrongValue` that says why when it cannot be read. `given` is the path as
 * somebody wrote it, who may have written the file's text instead.
 */
export function readFileOrExplain(
  readFile: (path: string) => string,
  path: string,
  given = path,
): string {
  try {
    return readFile(path)
  } catch (error) {
    const code = errorCode(error)
    throw new WrongValue(
      looksLikePath(given)
        ? `names the file ${path}, which cannot be read (${code})`
        : `names a file that cannot be read (${code}); it does not look like a path and may be the value itself, so it is not shown`,
      'Give the path of a file that this user may read.',
    )
  }
}

/** `ENOENT` and the like. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}

const WORD = /^(?:[A-Z]?[a-z]{0,20}|[A-Z]{1,15})\d{0,4}$/
const VARIABLE_WORD = /^[A-Z]{0,15}\d{0,4}$/

/**
 * True for what is surely a path, and no secret that somebody put in its place: from a folder on, or
 * with a file's ending, and made of words. Random text has digits before letters, or mixed cases.
 */
export function looksLikePath(text: string): boolean {
  const hasPlace = /^(?:\.{1,2}|\/[^/]+)\/|\.(?:pem|key|crt|cer|txt|json|ya?ml|env)$/.test(text)
  return hasPlace && text.length <= 200 && text.split(/[/._-]/).every((word) => WORD.test(word))
}

/** True for what is surely a variable's name. A secret in upper-case hex digits has no `_`. */
function looksLikeVariable(text: string): boolean {
  return text.includes('_') && text.split('_').every((word) => VARIABLE_WORD.test(word))
}
