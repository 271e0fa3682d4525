import { readFile } from 'node:fs/promises'

const INTERVAL_MS = 500

/**
 * Reads how much memory a process holds twice a second, Buffers and native memory included, which
 * no heap limit covers. Only procfs can tell: elsewhere nothing is watched.
 * Answers a function that ends the watch.
 */
export function watchMemory(pid: number, onReading: (residentBytes: number) => void): () => void {
  let isEnded = false
  const look = async () => {
    const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '')
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
    if (kilobytes && !isEnded) onReading(Number(kilobytes) * 1024)
  }
  const timer = setInterval(() => void look(), INTERVAL_MS).unref()
  return () => {
    isEnded = true
    clearInterval(timer)
  }
}
