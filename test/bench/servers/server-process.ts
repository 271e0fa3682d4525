import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { readPeakRssBytes } from './peak-memory.ts'

const START_TIMEOUT_MS = 90_000
/** The receiver would first wait for load balancers; asked twice, it stops at once. */
const ASK_AGAIN_MS = 100
const STOP_TIMEOUT_MS = 10_000
const PROBE = new URL('./probe.mjs', import.meta.url)

export interface ServerSpec {
  /** What follows `node`. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Answers with `readyStatus` once the server is up. */
  readonly readyUrl: string
  readonly readyStatus: number
  /** Where its output goes. */
  readonly logFile: string
}

/** What the probe inside the process says, since it was last asked. */
export interface ProbeReading {
  /** How long the event loop of the main thread stood still at the most. */
  readonly stallMs: number
  readonly cpuMs: number
}

/** A measured server in a process of its own. */
export interface ServerProcess {
  readonly pid: number
  /** From its start until it was ready. */
  readonly startMs: number
  probe(): Promise<ProbeReading>
  /** The most memory it ever had, and the processes that it started; undefined without procfs. */
  peakRssBytes(): { readonly server: number; readonly children: number } | undefined
  stop(): Promise<void>
}

/** Resolves when the server is up. */
export async function startServer(spec: ServerSpec): Promise<ServerProcess> {
  const output = openSync(spec.logFile, 'a')
  const child = spawn(process.execPath, ['--import', PROBE.href, ...spec.args], {
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...inheritedEnv(), NODE_ENV: 'production', ...spec.env },
  })
  closeSync(output)
  const startedAt = performance.now()
  await waitUntilReady(child, spec)
  return {
    pid: child.pid ?? 0,
    startMs: performance.now() - startedAt,
    async probe() {
      const reading = once(child, 'message')
      child.send('read')
      return ((await reading) as [ProbeReading])[0]
    },
    peakRssBytes: () => readPeakRssBytes(child.pid ?? 0),
    stop: () => stop(child),
  }
}

/** The settings of whoever runs the benchmark are not the benchmark's. */
function inheritedEnv(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'SystemRoot']
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

async function waitUntilReady(child: ChildProcess, spec: ServerSpec): Promise<void> {
  const giveUpAt = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(spec.readyUrl).catch(() => undefined)
    await answer?.text()
    if (answer?.status === spec.readyStatus) return
    if (child.exitCode !== null || performance.now() > giveUpAt) {
      child.kill('SIGKILL')
      const output = readFileSync(spec.logFile, 'utf8').slice(-2_000)
      throw new Error(`The server ${spec.args[0]} did not start:\n${output}`)
    }
    await pause(20)
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  const timers = [
    setTimeout(() => child.kill('SIGTERM'), ASK_AGAIN_MS),
    setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS),
  ]
  child.kill('SIGTERM')
  await exit
  for (const timer of timers) clearTimeout(timer)
}
