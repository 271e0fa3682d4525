import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** The kernel's own high-water marks, so that no peak falls between two looks. */
export function readPeakRssBytes(pid: number): { server: number; children: number } | undefined {
  if (!existsSync(`/proc/${pid}/status`)) return undefined
  const children = listDescendants(pid).map(readMark)
  return { server: readMark(pid), children: children.reduce((sum, bytes) => sum + bytes, 0) }
}

/** Whichever of its threads started them. */
export function listDescendants(pid: number): number[] {
  const children = listThreads(pid)
    .flatMap((thread) => readProc(pid, `task/${thread}/children`).split(' '))
    .filter(Boolean)
    .map(Number)
  return children.flatMap((child) => [child, ...listDescendants(child)])
}

function listThreads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function readMark(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(pid, 'status'))?.[1]
  return Number(kilobytes ?? 0) * 1_024
}

/** Empty when there is none: a process may end while it is looked at. */
export function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
