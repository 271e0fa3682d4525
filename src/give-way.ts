import { setPriority } from 'node:os'

/** Lower than what nobody has changed. */
const LESS_URGENT = 5

/**
 * Has a process give way where the processor is short: answers to requests come first. 0 is the thread
 * that calls, on Linux; elsewhere it would be the whole process.
 */
export function giveWay(pid: number): void {
  if (pid === 0 && process.platform !== 'linux') return
  try {
    setPriority(pid, LESS_URGENT)
  } catch {
    // It runs all the same.
  }
}
