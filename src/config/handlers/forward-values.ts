import { FORWARD_FORMATS, type ForwardFormat } from '../../handlers/built-in/built-in-options.ts'
import { MIN_SECRET_LENGTH, readStandardSecret } from '../secret-text.ts'
import { oneOf, parseUrl, WrongValue } from '../wrong-value.ts'

/** A URL of http or https. No message shows it: it may hold a password or a token. */
export function readForwardUrl(text: string): string {
  const url = parseUrl(text, ['http:', 'https:'])
  if (url && !url.hash) return url.href
  throw new WrongValue(
    'is no address of an endpoint',
    'Give http://… or https://…, without a # part. Characters such as @ / # in a password are written as %40 %2F %23.',
  )
}

export const readForwardFormat = oneOf(FORWARD_FORMATS, 'format')

/**
 * A secret that fits the format. Libraries of Standard Webhooks decode it from base64, whether it
 * begins with `whsec_` or not; Mailtrap's is a key as it is.
 */
export function readSigningKey(
  text: string | undefined,
  format: ForwardFormat,
): string | undefined {
  if (format === 'mailtrap') return readMailtrapKey(text)
  if (text === undefined) return undefined
  return readStandardSecret(text, `, by which the format ${format} is signed`)
}

function readMailtrapKey(text: string | undefined): string {
  if (text === undefined) {
    throw new WrongValue(
      'is missing, by which the format mailtrap is signed',
      'Give the secret that the endpoint checks, such as the one that Mailtrap shows for its webhook.',
    )
  }
  if (text.length >= MIN_SECRET_LENGTH) return text
  throw new WrongValue(
    `is too short for a signing secret (${MIN_SECRET_LENGTH} characters at least)`,
    'Give the secret that the endpoint checks.',
  )
}
