import { readFile } from 'node:fs/promises'

const LOOK_MS = 250
/** Where nothing but the clock tells, or a process waits for a disk that never answers. */
const MAX_FACTOR = 10
/** A process that has rested for so long needs no processor. */
const QUIET_MS = 500
const TICKS_PER_SECOND = 100
const MEMORY_INTERVAL_MS = 500

export interface LoadWatching {
  readonly pid: number
  /** How much time of its own, or of doing nothing, a module may take to be loaded. */
  readonly limitMs: number
  /** Others may be started: it waits for something, or takes long. Called once at most. */
  readonly onLong: () => void
  readonly onTimeUp: () => void
  /** Default: asks procfs. */
  readonly readUsage?: (pid: number) => Promise<Usage | undefined>
}

export interface Usage {
  /** Of all its threads, in user and in system mode. */
  readonly processorMs: number
  /** It waits for something other than the processor or a disk. */
  readonly isSleeping: boolean
}

/**
 * Watches that a module gets loaded. On a machine with much to do a process waits for the processor,
 * which is not its fault: so what counts is the processor time that it took, and the time for which it
 * neither ran nor wanted to. Only procfs can tell: elsewhere all time counts.
 * Answers a function that ends the watch.
 */
export function watchLoading(watching: LoadWatching): () => void {
  const { pid, limitMs, onLong, onTimeUp, readUsage = askProcfs } = watching
  const beganAt = performance.now()
  let lookedAt = beganAt
  let before = 0
  let chargedMs = 0
  let quietMs = 0
  let isEnded = false
  let hasTold = false
  let timer: NodeJS.Timeout

  const tellLong = () => {
    if (!hasTold) onLong()
    hasTold = true
  }
  const charge = (passedMs: number, usage: Usage | undefined) => {
    const usedMs = Math.max(0, (usage?.processorMs ?? before) - before)
    before += usedMs
    const isResting = usage === undefined || (usage.isSleeping && usedMs === 0)
    quietMs = isResting ? quietMs + passedMs : 0
    chargedMs += isResting ? passedMs : usedMs
  }
  const look = async () => {
    const usage = await readUsage(pid)
    if (isEnded) return
    const now = performance.now()
    charge(now - lookedAt, usage)
    lookedAt = now
    if (quietMs >= QUIET_MS || chargedMs >= limitMs / 3) tellLong()
    if (chargedMs >= limitMs || now - beganAt >= MAX_FACTOR * limitMs) return onTimeUp()
    wait()
  }
  const wait = () => {
    timer = setTimeout(() => void look(), Math.min(LOOK_MS, limitMs))
  }
  wait()
  return () => {
    isEnded = true
    clearTimeout(timer)
  }
}

/** Fields are counted behind the name, which may hold anything. */
async function askProcfs(pid: number): Promise<Usage | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, user, system] = [fields[0], Number(fields[11]), Number(fields[12])]
  if (!Number.isFinite(user + system)) return undefined
  return {
    processorMs: ((user + system) * 1_000) / TICKS_PER_SECOND,
    isSleeping: state === 'S' || state === 'T' || state === 't',
  }
}

export interface MemoryWatching {
  readonly pid: number
  /** What it may hold. */
  readonly limitBytes: number
  /** So much more and it is to be killed; less, and it had better be replaced. */
  readonly marginBytes: number
  readonly onGrown: () => void
  readonly onTooMuch: (residentBytes: number) => void
}

/**
 * Looks twice a second how much memory a process holds, Buffers and native memory included, which
 * no heap limit covers. Only procfs can tell: elsewhere nothing is watched.
 * Answers a function that ends the watch.
 */
export function watchMemory(watching: MemoryWatching): () => void {
  const { pid, limitBytes, marginBytes, onGrown, onTooMuch } = watching
  let isEnded = false
  const look = async () => {
    const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '')
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
    if (kilobytes === undefined || isEnded) return
    const residentBytes = Number(kilobytes) * 1024
    if (residentBytes > limitBytes + marginBytes) onTooMuch(residentBytes)
    else if (residentBytes > limitBytes) onGrown()
  }
  const timer = setInterval(() => void look(), MEMORY_INTERVAL_MS).unref()
  return () => {
    isEnded = true
    clearInterval(timer)
  }
}
