import { readFileSync } from 'node:fs'

/** The kernel counts in hundredths of a second, whatever its own clock. */
const TICK_MS = 10

/**
 * What all processes of the benchmark have taken since it was called, without itself and the load:
 * servers, handlers and databases. Unlike a rate it hardly depends on who else uses the machine.
 * Undefined without procfs.
 */
export function watchProcessorMs(loadPid: number | undefined): () => number | undefined {
  const before = readDescendantsMs(loadPid)
  return () => {
    const after = readDescendantsMs(loadPid)
    return before === undefined || after === undefined ? undefined : after - before
  }
}

function readDescendantsMs(exceptPid: number | undefined): number | undefined {
  if (read(process.pid, 'stat') === '') return undefined
  const sum = (pid: number): number =>
    pid === exceptPid ? 0 : readMs(pid) + listChildren(pid).reduce((ms, one) => ms + sum(one), 0)
  return listChildren(process.pid).reduce((ms, pid) => ms + sum(pid), 0)
}

/** Its own, and that of its children that have ended. */
function readMs(pid: number): number {
  const text = read(pid, 'stat')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((ms, ticks) => ms + Number(ticks) * TICK_MS, 0)
}

/** Those that its main thread started, as all here are. */
function listChildren(pid: number): number[] {
  return read(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)
}

/** A process may end while it is looked at. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
