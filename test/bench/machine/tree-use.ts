import { setTimeout as pause } from 'node:timers/promises'
import { listDescendants, readProc } from '../servers/peak-memory.ts'

/** The kernel counts in hundredths of a second, whatever its own clock. */
const TICK_MS = 10
const QUIET_MS = 200
const MOST_QUIET_WAIT_MS = 8_000

/** What processes have used. Unlike a rate it hardly depends on who else uses the machine. */
export interface TreeUse {
  readonly cpuMs: number
  /** What they made the file system write, in bytes; whole pages of it. */
  readonly writtenBytes: number
}

/** Of a process, those that it started, and those of them that have ended. Undefined without procfs. */
export function readTreeUse(pid: number, exceptPid?: number): TreeUse | undefined {
  if (readProc(pid, 'stat') === '') return undefined
  const tree = [pid, ...listDescendants(pid)].filter((one) => one !== exceptPid)
  return sum(tree.map((one) => ({ cpuMs: readCpuMs(one), writtenBytes: readWritten(one) })))
}

/**
 * All that this process started, without itself and the load: servers, handlers and databases. What
 * they wrote is not told: others may have ended before.
 */
export function readStartedCpuMs(loadPid: number | undefined): number | undefined {
  if (readProc(process.pid, 'stat') === '') return undefined
  const started = listDescendants(process.pid).filter((one) => one !== loadPid)
  return started.reduce((ms, one) => ms + readCpuMs(one), 0)
}

/** Resolves when the process has stopped starting up: for a moment, nothing takes processor time. */
export async function waitUntilQuiet(pid: number): Promise<void> {
  const giveUpAt = performance.now() + MOST_QUIET_WAIT_MS
  for (let before = readTreeUse(pid); before && performance.now() < giveUpAt; ) {
    await pause(QUIET_MS)
    const now = readTreeUse(pid)
    if (!now || now.cpuMs - before.cpuMs <= TICK_MS) return
    before = now
  }
}

/** Its own, and that of its children that have ended. */
function readCpuMs(pid: number): number {
  const text = readProc(pid, 'stat')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((ms, ticks) => ms + Number(ticks) * TICK_MS, 0)
}

/** Likewise: the kernel adds what ended children wrote. */
function readWritten(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readProc(pid, 'io'))?.[1] ?? 0)
}

function sum(uses: readonly TreeUse[]): TreeUse {
  return uses.reduce((all, one) => ({
    cpuMs: all.cpuMs + one.cpuMs,
    writtenBytes: all.writtenBytes + one.writtenBytes,
  }))
}
