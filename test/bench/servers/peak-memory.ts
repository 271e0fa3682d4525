import { existsSync, readFileSync } from 'node:fs'

/** The kernel's own high-water marks, so that no peak falls between two looks. */
export function readPeakRssBytes(pid: number): { server: number; children: number } | undefined {
  if (!existsSync(`/proc/${pid}/status`)) return undefined
  const children = listDescendants(pid).map(readMark)
  return { server: readMark(pid), children: children.reduce((sum, bytes) => sum + bytes, 0) }
}

function listDescendants(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return children.flatMap((child) => [child, ...listDescendants(child)])
}

function readMark(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1]
  return Number(kilobytes ?? 0) * 1_024
}

/** A process may end while it is looked at. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
