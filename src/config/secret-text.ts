import { WrongValue } from './wrong-value.ts'

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
