import { type ChildProcess, spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { entryPoint } from '../../entry-point.ts'
import type { HostSettings } from '../channel-frames.ts'
import { TREE_MARK } from './end-process-tree.ts'

/** Answers to requests come first, where the processor is short. */
const LESS_URGENT = 5

/** How long the pipes of an ended process may take to run dry. */
const LAST_WORDS_MS = 1_000

export interface ProcessSettings extends HostSettings {
  /** Absolute path, or `built-in:log`. */
  readonly module: string
  /** The child's whole environment. Must hold no secret. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** How long after its timeout an attempt may still end by itself. */
  readonly graceMs: number
  readonly loadTimeoutMs: number
  readonly maxHeapBytes: number
  /** What the process may hold besides its heap. Over it: replaced; over twice that: killed. */
  readonly memoryMarginBytes: number
}

/**
 * Starts a handler's process. What it starts in turn can be found by `mark`. Undefined when it
 * cannot be started: `onFailed` is told why, a moment later.
 */
export function spawnHost(
  settings: ProcessSettings,
  mark: string,
  onFailed: (error: Error) => void,
): ChildProcess | undefined {
  const host = entryPoint('../host/handler-host', import.meta.url)
  const { concurrency, timeoutMs, maxHeapBytes } = settings
  const heap = `--max-old-space-size=${Math.ceil(maxHeapBytes / 1024 / 1024)}`
  const hostSettings: HostSettings = { concurrency, timeoutMs }
  const args = [heap, fileURLToPath(host.url), settings.module, JSON.stringify(hostSettings)]
  try {
    const child = spawn(process.execPath, [...host.execArgv, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // Its own process group, so that it can be killed with all it started.
      detached: true,
      env: { ...settings.env, [TREE_MARK]: mark },
    })
    if (child.pid !== undefined) {
      lowerPriority(child.pid)
      return child
    }
    child.once('error', onFailed)
  } catch (error) {
    // Node tells of some failures by an event, and throws the others, such as ENOMEM and E2BIG.
    queueMicrotask(() => onFailed(error as Error))
  }
  return undefined
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, LESS_URGENT)
  } catch {
    // It runs all the same.
  }
}

/** Resolves when the stream is closed, and closes it when somebody else holds its other end. */
export function whenClosed(stream: Duplex): Promise<void> {
  if (stream.closed) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => stream.destroy(), LAST_WORDS_MS)
    stream.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
