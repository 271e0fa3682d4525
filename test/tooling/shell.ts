import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'vitest'

export interface ShellOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** A command line under way, in a process group of its own. */
export interface Running {
  readonly child: ChildProcess
  /** What it has printed so far, both streams. */
  readonly printed: () => string
  /** Resolves with exit code or signal when all of its output was read. */
  readonly ended: Promise<number | string>
}

/** What a person types into a terminal; nothing of our environment but the way to the programs. */
export function startShell(command: string, { cwd, env }: ShellOptions): Running {
  const own = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
  const child = spawn('sh', ['-c', command], {
    cwd,
    env: { ...own, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part) => {
      text += part
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  return { child, ended, printed: () => text }
}

/** What it printed; fails, with that text, when it ends in anything but 0. */
export async function runShell(command: string, options: ShellOptions): Promise<string> {
  const { ended, printed } = startShell(command, options)
  expect(await ended, `${command}\n${printed()}`).toBe(0)
  return printed()
}

/** Ctrl-C in its terminal: the whole process group hears it. */
export async function interrupt({ child, ended }: Running): Promise<void> {
  signalGroup(child, 'SIGINT')
  await ended
}

export function kill({ child }: Running): void {
  signalGroup(child, 'SIGKILL')
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}
