import { resolve } from 'node:path'
import { WrongValue } from './problems.ts'

/** The shortest signing secret; Mailtrap's have 32 characters. */
export const MIN_SECRET_LENGTH = 16

/** A secret's file as text: without byte order mark and without the one line end editors add. */
export function stripFile(text: string): string {
  return text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '')
}

/** Signing secrets, comma-separated, newest first. */
export function readSigningSecrets(text: string): string[] {
  return text.split(',').map((part, index, parts) => {
    const which = parts.length === 1 ? '' : `, entry ${index + 1}`
    return readSigningSecret(part.trim(), which)
  })
}

function readSigningSecret(secret: string, which: string): string {
  const remedy = 'Copy it from the webhook’s page at the provider.'
  if (secret === '') throw new WrongValue(`is empty${which}`, remedy)
  refuseControlCharacters(secret, which)
  // A `whsec_` is a mark, not randomness.
  if (secret.replace(/^whsec_/, '').length < MIN_SECRET_LENGTH) {
    throw new WrongValue(
      `is too short for a signing secret${which} (${MIN_SECRET_LENGTH} characters at least)`,
      remedy,
    )
  }
  return secret
}

/** Whoever has it can try addresses until a hash fits. */
export function readRedactKey(text: string): string {
  refuseControlCharacters(text)
  if (text.length >= MIN_SECRET_LENGTH) return text
  throw new WrongValue(
    `is too short for a key (${MIN_SECRET_LENGTH} characters at least)`,
    'Make one with: openssl rand -hex 32.',
  )
}

/** `user:password`; the password may hold further colons. */
export function readBasicAuth(text: string): string {
  refuseControlCharacters(text)
  if (/^[^:]+:.+$/.test(text)) return text
  throw new WrongValue('is not user:password', 'Give both, with a colon between them.')
}

/** The value of `?token=`. */
export function readUrlToken(text: string): string {
  refuseControlCharacters(text)
  if (text.trim() !== '') return text
  throw new WrongValue('is blank', 'Give the value that stands behind ?token= in the URL.')
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/

/**
 * A secret of Standard Webhooks, whose libraries decode it from base64, whether it begins with `whsec_`
 * or not. `where`: words for what is signed by it.
 */
export function readStandardSecret(text: string, where = ''): string {
  const encoded = text.replace(/^whsec_/, '')
  if (BASE64.test(encoded) && Buffer.from(encoded, 'base64').length >= MIN_SECRET_LENGTH) {
    return text
  }
  throw new WrongValue(
    `is no secret of Standard Webhooks${where}: base64 of ${MIN_SECRET_LENGTH} bytes at least`,
    'Make one with: echo "whsec_$(openssl rand -base64 32)".',
  )
}

/** A token as it goes into a header. */
export function readApiToken(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text.trim())) return text.trim()
  throw new WrongValue(
    'is no API token',
    'Copy it from Mailtrap, Settings, API Tokens: it has no spaces.',
  )
}

export function readPassword(text: string): string {
  refuseControlCharacters(text)
  if (text.trim().length >= 8) return text
  throw new WrongValue('is too short for a password (8 characters at least)', 'Give a longer one.')
}

function refuseControlCharacters(text: string, which = ''): void {
  if (!/\p{Cc}/u.test(text)) return
  throw new WrongValue(
    `holds a line break or another control character${which}`,
    'Give the text alone, on one line.',
  )
}

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
