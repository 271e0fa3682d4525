import { readWholeNumber } from './quantities.ts'
import { oneOf, parseUrl, quote, WrongValue } from './wrong-value.ts'

/** Pino's, the chattiest first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a process does: all, or HTTP only, or unpacking and dispatching only. */
export const ROLES = ['all', 'receive', 'work'] as const
export type Role = (typeof ROLES)[number]

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
