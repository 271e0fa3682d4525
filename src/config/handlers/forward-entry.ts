import { X509Certificate } from 'node:crypto'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { resolve } from 'node:path'
import type { ForwardFormat, ForwardOptions } from '../../handlers/built-in/built-in-options.ts'
import { readForwardUrl } from '../plain-values.ts'
import { WrongValue } from '../problems.ts'
import { MIN_SECRET_LENGTH, readFileOrExplain, readStandardSecret } from '../secrets.ts'
import type { OpenEntry } from './open-entry.ts'

/** Of an entry with `forward`. */
export const FORWARD_KEYS = ['format', 'secret', 'headers', 'ca', 'batchSize']

const BATCH_SIZES = { event: 1, batch: 100, mailtrap: 500 } as const
const OWN_HEADERS =
  /^(host|connection|content-.*|transfer-encoding|webhook-.*|mailtrap-signature)$/i

/** What an entry says; undefined, with problems, when something in it is wrong. */
export function readForwardEntry(entry: OpenEntry): ForwardOptions | undefined {
  const { given, attempt, readSecret } = entry
  const { forward, format = 'event', secret, batchSize } = given
  const url = attempt('forward', () => readForwardUrl(readSecret(forward ?? '')))
  const key = attempt('secret', () => ({
    secret: readSigningKey(secret === undefined ? undefined : readSecret(secret), format),
  }))
  const headers = attempt('headers', () => readHeaders(entry))
  const authority = attempt('ca', () => ({ ca: readAuthority(entry) }))
  const size = attempt('batchSize', () => readBatchSize(batchSize, format))
  if (!url || !key || !headers || !authority || !size) return undefined
  return { url, format, headers, batchSize: size, ...key, ...authority }
}

function readHeaders({ given, readSecret }: OpenEntry): Record<string, string> {
  const headers = Object.entries(given.headers ?? {}).map(([name, reference]) => {
    const value = readSecret(reference)
    try {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    } catch {
      throw new WrongValue(
        `has a header that cannot be sent, ${JSON.stringify(name)}`,
        'Give names and values of HTTP headers, each on one line.',
      )
    }
    if (!OWN_HEADERS.test(name)) return [name, value] as const
    throw new WrongValue(`has ${name}, which the request has already`, 'Remove it.')
  })
  return Object.fromEntries(headers)
}

function readAuthority({ given: { ca }, folder, readFile }: OpenEntry): string | undefined {
  if (ca === undefined) return undefined
  const path = resolve(folder, ca)
  const pem = readFileOrExplain(readFile, path, ca)
  try {
    new X509Certificate(pem)
    return pem
  } catch {
    throw new WrongValue(
      `names the file ${path}, which is no certificate`,
      'Give the PEM file of the authority that signed the endpoint’s.',
    )
  }
}

function readBatchSize(given: number | undefined, format: keyof typeof BATCH_SIZES): number {
  if (given === undefined || format !== 'event') return given ?? BATCH_SIZES[format]
  throw new WrongValue('means nothing for the format event', 'Remove it, or give format: batch.')
}

/**
 * A secret that fits the format. Libraries of Standard Webhooks decode it from base64, whether it
 * begins with `whsec_` or not; Mailtrap's is a key as it is.
 */
function readSigningKey(text: string | undefined, format: ForwardFormat): string | undefined {
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
