import { InvalidArgumentError } from 'commander'
import { CommandFailure, EXIT_CODES } from './command.ts'

/** For options that take a seed. */
export function readSeed(text: string): number {
  const seed = Number(text)
  if (/^\d+$/.test(text) && seed <= 0xffff_ffff) return seed
  throw new InvalidArgumentError('Give a whole number from 0 to 4294967295.')
}

/** For options that take a whole number from 1. */
export function readWholeNumber(text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number
  throw new InvalidArgumentError('Give a whole number from 1.')
}

/** For options that take an address. */
export function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text
  throw new InvalidArgumentError('Give an address such as http://127.0.0.1:3001.')
}

/** The admin listener's. A password in it would end up in messages. */
export function readAdminUrl(text: string): string {
  return readBareUrl(text, '--admin-url', 'the password with --password-file or ADMIN_PASSWORD')
}

/** Without user and password, for which there is another `way`. Commander would repeat the text. */
export function readBareUrl(text: string, option: string, way: string): string {
  if (!text.includes('@')) return readUrl(text)
  throw new CommandFailure(`${option} takes no user and password. Give ${way}.`, {
    exitCode: EXIT_CODES.usage,
  })
}
