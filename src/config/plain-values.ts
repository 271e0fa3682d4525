import { isIP } from 'node:net'
import { FORWARD_FORMATS } from '../handlers/built-in/built-in-options.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { quote, WrongValue } from './problems.ts'
import { readWholeNumber } from './quantities.ts'

/** Pino's, the chattiest first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a process does: all, or HTTP only, or unpacking and dispatching only. */
const ROLES = ['all', 'receive', 'work'] as const

const WEB = ['http:', 'https:']

export function readPort(text: string): number {
  return readWholeNumber(text, 0, 65_535)
}

/** Undefined: turned off. */
export function readAdminPort(text: string): number | undefined {
  if (text.trim().toLowerCase() === 'off') return undefined
  if (/^(tcp|udp|sctp):\/\//.test(text)) {
    throw new WrongValue(
      `is ${quote(text)}, which Kubernetes or Docker sets for a service named admin`,
      'Set enableServiceLinks: false in the pod, or the port itself.',
    )
  }
  try {
    return readPort(text)
  } catch (error) {
    if (!(error instanceof WrongValue)) throw error
    throw new WrongValue(error.problem, 'Give a whole number from 0 to 65535, or off.')
  }
}

export function readPath(text: string): string {
  if (text.trim() !== '' && !text.includes('\0')) return text
  throw new WrongValue(
    `holds ${quote(text)}, which is no path`,
    'Give the path of a file or folder.',
  )
}

export const readRole = oneOf(ROLES, 'role')
export const readLogLevel = oneOf(LOG_LEVELS, 'level', (text) => text.trim().toLowerCase())

export function readSwitch(text: string): boolean {
  const word = text.trim().toLowerCase()
  if (word === 'true' || word === 'false') return word === 'true'
  throw new WrongValue(`is ${quote(text)}, which is no switch`, 'Give true or false.')
}

/** The number of an account, as text. */
export function readAccountId(text: string): string {
  if (/^[1-9]\d{0,15}$/.test(text.trim())) return text.trim()
  throw new WrongValue(
    `is ${quote(text)}, which is no number of an account`,
    'Copy it from the address of your Mailtrap pages: /accounts/<number>/.',
  )
}

/** An address of http or https that may hold a secret, but no credentials. */
export function readSecretUrl(text: string): string {
  const url = parseUrl(text, WEB)
  if (url && !url.username && !url.password) return url.href
  throw new WrongValue('is no address', 'Give https://<host>/<path>, without user and password.')
}

/** An address of http or https, without credentials, query and the slash at its end. */
export function readWebUrl(text: string): string {
  const url = parseUrl(text, WEB)
  const isPlain = url && !url.username && !url.password && !url.search && !url.hash
  if (isPlain) return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
  // A wrong one may hold a password, so it is not shown.
  throw new WrongValue(
    'is no plain address',
    'Give https://<host>, without user, password and query.',
  )
}

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

/** `10.0.0.0/8, 2001:db8::1, mailtrap` → CIDR blocks, each once; a lone address becomes a block. */
export function readAllowedBlocks(text: string): string[] {
  const blocks = text
    .split(',')
    .map((part) => part.trim())
    .flatMap((part) => publishedBlocks(part) ?? [readBlock(part)])
  return [...new Set(blocks)]
}

/**
 * CIDR blocks of load balancers. Whoever stands there may name the sender's address, so a block
 * of every address is refused: the sender himself would choose it.
 */
export function readTrustedBlocks(text: string): string[] {
  if (/^(true|false|yes|no|on|off|\d+)$/i.test(text.trim())) {
    throw new WrongValue(
      `is ${quote(text)}; a switch or a number of hops lets the sender choose his address`,
      'Give the addresses of your load balancers, such as 10.0.0.0/8.',
    )
  }
  const blocks = [...new Set(text.split(',').map((part) => readBlock(part.trim())))]
  const open = blocks.find((block) => block.endsWith('/0'))
  if (open === undefined) return blocks
  throw new WrongValue(
    `holds ${open}, which trusts every address`,
    'Give only the addresses of your load balancers, such as 10.0.0.0/8.',
  )
}

/** An address or a host name to listen on. */
export function readHost(text: string): string {
  const host = text.trim().replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) || /^(?=.*[a-z])[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)) return host
  throw new WrongValue(
    `is ${quote(text)}, which is no address`,
    'Give an address of this machine, such as 0.0.0.0 for all or 127.0.0.1.',
  )
}

/** A provider's name stands for the blocks that it publishes. */
function publishedBlocks(word: string): readonly string[] | undefined {
  const provider = Object.values(PROVIDERS).find(({ name }) => name === word)
  return provider && provider.addresses.length > 0 ? provider.addresses : undefined
}

function readBlock(text: string): string {
  const [address = '', bits, ...rest] = text.split('/')
  const family = address.includes('%') ? 0 : isIP(address)
  const most = family === 4 ? 32 : 128
  const prefix = bits ?? String(most)
  if (!family || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > most) {
    throw new WrongValue(
      `holds ${quote(text)}, which is no address block`,
      'Give addresses or CIDR blocks separated by commas, such as 10.0.0.0/8.',
    )
  }
  return `${address}/${prefix}`
}

/** Makes the reader of one of these words. */
export function oneOf<Word extends string>(
  words: readonly Word[],
  noun: string,
  clean = (text: string) => text.trim(),
): (text: string) => Word {
  return (text) => {
    const word = words.find((known) => known === clean(text))
    if (word) return word
    throw new WrongValue(
      `is ${quote(text)}, which is no ${noun}`,
      `Give one of ${words.join(', ')}.`,
    )
  }
}

/** What a text says as an address of one of these protocols; no message shows it. */
export function parseUrl(text: string, protocols: readonly string[]): URL | undefined {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined
  return url && protocols.includes(url.protocol) ? url : undefined
}
