import { readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { InvalidArgumentError } from 'commander'
import type { Environment } from '../config.ts'
import { ReceiverError } from '../errors.ts'
import { ManagementFailure } from '../guardian/management-failure.ts'
import { packageFile } from '../own-files.ts'

/** Where a command writes: a terminal, a pipe or a file. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** The process that runs a command, as far as that may know it. */
export interface ProcessContext {
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

/** All that a command may know of its surroundings. */
export interface CommandContext extends ProcessContext {
  readonly options: SharedOptions
}

/** What several commands may be given, whichever of them it is that runs. */
export interface SharedOptions {
  /** Stands in for the variable `CONFIG_FILE`, in the environment that the command sees. */
  readonly config?: string
  readonly json?: boolean
  readonly adminUrl?: string
  readonly passwordFile?: string
  readonly limit?: number
  readonly all?: boolean
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

export const wrongUse = (text: string) => new CommandFailure(text, { exitCode: EXIT_CODES.usage })

export const wrongSettings = (text: string, cause?: unknown) =>
  new CommandFailure(text, { exitCode: EXIT_CODES.configuration, cause })

/** Expected errors as sentences, and the system's; of others, whoever mends them needs the stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isExpected = [CommandFailure, ReceiverError, ManagementFailure].some(
    (kind) => error instanceof kind,
  )
  if (isExpected) return error.message
  const { syscall, code, address = 'this machine', port = '' }: ListenError = error
  // Whatever else keeps a receiver from listening is told as a setting that is wrong.
  if (syscall === 'listen' && code === 'EADDRINUSE') {
    return `Port ${port} of ${address} cannot be had: somebody listens there already. Stop that process, or set PORT or ADMIN_PORT to another.`
  }
  // What the system refuses is no fault of ours: it says what, and of which file.
  return syscall === undefined ? (error.stack ?? error.message) : `${error.message}.`
}

type ListenError = NodeJS.ErrnoException & {
  readonly address?: string
  readonly port?: number | string
}

/** The version in this package's `package.json`. */
export function readVersion(): string {
  const file = readFileSync(packageFile('package.json'), 'utf8')
  return String(JSON.parse(file).version)
}

/** Reads the text of an option. `read` answers undefined, or throws, for what `hint` tells not to give. */
export function readerOf<Value>(hint: string, read: (text: string) => Value | undefined) {
  return (text: string): Value => {
    let value: Value | undefined
    try {
      value = read(text)
    } catch (error) {
      if (error instanceof CommandFailure) throw error
    }
    if (value !== undefined) return value
    throw new InvalidArgumentError(hint)
  }
}

/** Reads a whole number from `least` to `most`. */
export function numberReader(hint: string, least: number, most: number) {
  return readerOf(hint, (text) => {
    const number = Number(text)
    return /^\d+$/.test(text) && number >= least && number <= most ? number : undefined
  })
}

export const readSeed = numberReader('Give a whole number from 0 to 4294967295.', 0, 0xffff_ffff)
export const readWholeNumber = numberReader(
  'Give a whole number from 1.',
  1,
  Number.MAX_SAFE_INTEGER,
)
/** For one answer, say. Node takes no more milliseconds than fit into 31 bits. */
export const readSeconds = numberReader('Give whole seconds, from 1 to 86400.', 1, 86_400)
export const readUrl = readerOf('Give an address such as http://127.0.0.1:3001.', (text) =>
  /^https?:$/.test(new URL(text).protocol) ? text : undefined,
)

/** The admin listener's. A password in it would end up in messages. */
export const readAdminUrl = bareUrlReader(
  '--admin-url',
  'the password with --password-file or ADMIN_PASSWORD',
)

/** Without user and password, for which there is another `way`. Commander would repeat the text. */
export function bareUrlReader(option: string, way: string) {
  return (text: string): string => {
    if (!text.includes('@')) return readUrl(text)
    throw wrongUse(`${option} takes no user and password. Give ${way}.`)
  }
}
