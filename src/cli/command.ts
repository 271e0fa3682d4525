import { readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { InvalidArgumentError } from 'commander'
import type { Environment } from '../config.ts'
import { ReceiverError } from '../errors.ts'
import { ManagementFailure } from '../guardian/management-failure.ts'
import { packageFile } from '../own-files.ts'

/** Where a command writes: a terminal, a pipe or a file. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** All that a command may know of the process that runs it. */
export interface CommandContext {
  /** With the variables of `.env` in the working directory below those of the process. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads them again. */
  readonly readEnvironment: () => Environment
  readonly stdin: Readable
  readonly stdout: Output
  readonly stderr: Output
  /** Aborts when the process is asked to stop: a command then ends in good order. */
  readonly stopped: AbortSignal
  /** Aborts when it is asked again: a command then ends at once. */
  readonly stoppedAgain: AbortSignal
  /** Calls `listener` when the process is asked to read its settings again. Answers how to end it. */
  readonly onReloadAsked: (listener: () => void) => () => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Counts while a command runs; milliseconds, never backwards. */
  readonly elapsedMs: () => number
}

export const EXIT_CODES = { ok: 0, failed: 1, usage: 2, configuration: 78 } as const
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

/** A command could not do what it was asked. The text is a sentence for a person. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, options: { exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'CommandFailure'
    this.exitCode = options.exitCode ?? EXIT_CODES.failed
  }
}

/** What the system says when a port cannot be had, and what to do. */
const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'somebody listens there already. Stop that process, or set PORT or ADMIN_PORT to another',
  EACCES: 'this user may not listen there. Set PORT or ADMIN_PORT to one above 1023',
  EADDRNOTAVAIL: 'this machine has no such address. Set HOST or ADMIN_HOST to one that it has',
}

/** Expected errors as sentences; of others, whoever mends them needs the stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isExpected = [CommandFailure, ReceiverError, ManagementFailure].some(
    (kind) => error instanceof kind,
  )
  if (isExpected) return error.message
  return describeListenProblem(error) ?? error.stack ?? error.message
}

function describeListenProblem(error: NodeJS.ErrnoException): string | undefined {
  const problem = error.syscall === 'listen' ? LISTEN_PROBLEMS[error.code ?? ''] : undefined
  if (problem === undefined) return undefined
  const { address = 'this machine', port = '' } = error as { address?: string; port?: number }
  return `Port ${port} of ${address} cannot be had: ${problem}.`
}

/** The version in this package's `package.json`. */
export function readVersion(): string {
  const file = readFileSync(packageFile('package.json'), 'utf8')
  return String(JSON.parse(file).version)
}

/** An address that can be opened on this machine: listening everywhere is no address to go to. */
export function reachableUrl(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\])(?=[:/]|$)/, '//127.0.0.1').replace(/\/$/, '')
}

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
