import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { entryPoint } from '../../entry-point.ts'
import { giveWay } from '../../give-way.ts'
import type { HandlerSettings } from '../../model.ts'

/** Set in a child's environment, and so in that of everything it starts. */
const TREE_MARK = 'MAILTRAP_RECEIVER_HANDLER_PROCESS'

/** Node 20 does not know it: there the child's own first lines take care of the signal. */
const NO_INSPECTOR = '--disable-sigusr1'

/**
 * While a module is loaded nearly everything stays: with room for it from the start, a tenth of the
 * processor time of that is saved, which went into moving it about; and 3 to 5 MB are used.
 */
const ROOM_TO_LOAD = '--min-semi-space-size=4'

/** Limits that hold for every handler's process. */
export interface ProcessLimits {
  /** How long after its timeout an attempt may still end by itself. Default 1 s. */
  readonly graceMs: number
  /** Processor time, or time of doing nothing, until its module is loaded. Default 30 s. */
  readonly loadTimeoutMs: number
  /** What it may hold besides its heap: over it, it is replaced; over twice that, killed. Default 128 MB. */
  readonly memoryMarginBytes: number
  /** After so long a process is replaced. Default 6 h. */
  readonly maxAgeMs: number
  /** After so many events a process is replaced. Default 10 million. */
  readonly maxEvents: number
}

export const DEFAULT_LIMITS: ProcessLimits = {
  graceMs: 1_000,
  loadTimeoutMs: 30_000,
  memoryMarginBytes: 128 * 1024 * 1024,
  maxAgeMs: 6 * 3_600_000,
  maxEvents: 10_000_000,
}

export interface ProcessSettings {
  readonly handler: HandlerSettings
  /** The child's whole environment. Must hold no secret. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly limits: ProcessLimits
  /** It is to tell which files its module is loaded from. Default false. */
  readonly tellsCode?: boolean
}

/**
 * Starts a handler's process, whose fifth descriptor is `progressFd`. What it starts in turn can be
 * found by `mark`. Undefined when it cannot be started: `onFailed` is told why, a moment later.
 */
export function spawnHost(
  { handler, env }: ProcessSettings,
  { mark, progressFd }: { readonly mark: string; readonly progressFd: number },
  onFailed: (error: Error) => void,
): ChildProcess | undefined {
  const host = entryPoint('dispatch/host/handler-host')
  const { module, maxHeapBytes } = handler
  const flags = [`--max-old-space-size=${Math.ceil(maxHeapBytes / 1024 / 1024)}`, ROOM_TO_LOAD]
  if (process.allowedNodeEnvironmentFlags.has(NO_INSPECTOR)) flags.push(NO_INSPECTOR)
  const args = [...flags, fileURLToPath(host.url), module]
  try {
    const child = spawn(process.execPath, [...host.execArgv, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', progressFd],
      // Its own process group, so that it can be killed with all it started.
      detached: true,
      env: { ...env, [TREE_MARK]: mark },
    })
    if (child.pid !== undefined) {
      giveWay(child.pid)
      return child
    }
    child.once('error', onFailed)
  } catch (error) {
    // Node tells of some failures by an event, and throws the others, such as ENOMEM and E2BIG.
    queueMicrotask(() => onFailed(error as Error))
  }
  return undefined
}

/** Kills the process group that a detached child leads. */
export function killGroup(pid: number): void {
  kill(-pid)
}

/**
 * Kills what left the group (`setsid`) but carries the mark. Only procfs can tell, so this is for
 * Linux; elsewhere the group is all that is killed.
 */
export async function killMarked(mark: string): Promise<void> {
  const entry = `${TREE_MARK}=${mark}`
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
    if (Number(pid) !== process.pid && environment.split('\0').includes(entry)) kill(Number(pid))
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

/**
 * Lets few modules be loaded at the same time. Fifty that begin together on one processor take so long
 * that all of them seem to hang, and hold the memory of all meanwhile.
 */
export class StartGate {
  readonly #places: number
  readonly #inside = new Set<object>()
  readonly #waiting = new Map<object, () => void>()

  constructor(places: number) {
    this.#places = places
  }

  /** Calls `begin` as soon as there is a place. Answers how to leave it, or the queue. */
  enter(begin: () => void): () => void {
    const visit = {}
    this.#waiting.set(visit, begin)
    this.#admit()
    return () => {
      this.#waiting.delete(visit)
      if (this.#inside.delete(visit)) this.#admit()
    }
  }

  #admit(): void {
    for (const [visit, begin] of this.#waiting) {
      if (this.#inside.size >= this.#places) return
      this.#waiting.delete(visit)
      this.#inside.add(visit)
      begin()
    }
  }
}
