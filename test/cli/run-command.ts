import { PassThrough, Readable } from 'node:stream'
import type { Output, ProcessContext } from '../../src/cli/command.ts'
import { runProgram } from '../../src/cli/program.ts'

export interface CommandRun {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly env?: Record<string, string>
  readonly stdin?: string | Readable
  /** Columns of a terminal; without them the output is a pipe. */
  readonly columns?: number
  readonly stopped?: AbortSignal
  readonly stoppedAgain?: AbortSignal
  readonly now?: () => number
}

/** Runs a command in this process, with streams of its own. */
export async function runCommand(
  argv: readonly string[],
  options: RunOptions = {},
): Promise<CommandRun> {
  const { context, out, err } = makeContext(options)
  const exitCode = await runProgram(argv, context)
  return { exitCode, out: out(), err: err() }
}

/** A command's surroundings, and what was written so far. */
export function makeContext(options: RunOptions = {}) {
  const stdout = collect(options.columns)
  const stderr = collect(options.columns)
  const never = new AbortController().signal
  const { stdin = '' } = options
  const context: ProcessContext = {
    env: options.env ?? {},
    readEnvironment: () => ({ env: options.env ?? {}, file: undefined }),
    stdin: typeof stdin === 'string' ? Readable.from([Buffer.from(stdin)]) : stdin,
    stdout: stdout.output,
    stderr: stderr.output,
    stopped: options.stopped ?? never,
    stoppedAgain: options.stoppedAgain ?? never,
    onReloadAsked: () => () => {},
    now: options.now ?? Date.now,
    elapsedMs: () => performance.now(),
  }
  return { context, out: stdout.text, err: stderr.text }
}

function collect(columns: number | undefined) {
  const stream = new PassThrough()
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  const terminal = columns === undefined ? {} : { isTTY: true, columns }
  const output: Output = Object.assign(stream, terminal)
  return { output, text: () => Buffer.concat(parts).toString() }
}
