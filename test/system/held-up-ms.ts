import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'

/**
 * How long an answer of the process may have been held up so far since others had the cores: the main
 * threads of it and of this one, and the one of its other threads that waited longest. 0 where the
 * system does not tell.
 */
export function readHeldUpMs(pid: number): number {
  const waited = listThreads(pid).map((thread) => readWaitedNs(`${pid}/task/${thread}`))
  const [main = 0, ...others] = waited
  return (readWaitedNs(`${process.pid}`) + main + Math.max(0, ...others)) / 1e6
}

/** The main thread first. */
function listThreads(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map(Number)
      .sort((one, other) => one - other)
  } catch {
    return []
  }
}

/** Of three figures the second one. */
function readWaitedNs(place: string): number {
  try {
    return Number(readFileSync(`/proc/${place}/schedstat`, 'utf8').split(' ')[1])
  } catch {
    // The thread has ended, or this is not Linux.
    return 0
  }
}
