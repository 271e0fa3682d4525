import { readdir, readFile } from 'node:fs/promises'

/** Set in a child's environment, and so in that of everything it starts. */
export const TREE_MARK = 'MAILTRAP_RECEIVER_HANDLER_PROCESS'

/** Kills the process group that a detached child leads. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
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
