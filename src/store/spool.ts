import { ReceiverError } from '../errors.ts'
import type { Batch } from '../model.ts'
import type { SpoolObserver } from '../observe/observer.ts'
import { type StartTimer, startPlatformTimer } from '../timers.ts'
import { type LocalJournal, openLocalJournal } from './local-journal.ts'
import { createBreaker, type Outage } from './spool/breaker.ts'
import { createDrain } from './spool/drain.ts'
import { isOnContainerLayer, readSpoolBytes, readUsedPercent } from './spool/spool-disk.ts'
import { createSpoolFile } from './spool/spool-file.ts'
import type { Archive, Journal, SpoolFigures, SpoolStats, Store } from './store.ts'

/** With batches waiting on a disk as full as this, somebody has to look. */
const ALARM_PERCENT = 80

export interface SpoolOptions {
  readonly shared: Pick<Store, 'append' | 'probe'>
  /** For the spool alone; made if it is missing. */
  readonly directory: string
  readonly observer: SpoolObserver
  /** The disk failed to keep what was written to it: the process must start anew. */
  readonly onBroken: (error: ReceiverError) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The rest is the platform's by default. */
  readonly startTimer?: StartTimer
  readonly openLocal?: (file: string) => Promise<LocalJournal>
  readonly usedPercent?: (directory: string) => Promise<number>
  readonly isOnContainerLayer?: (directory: string) => Promise<boolean>
}

/** A journal in front of a shared store; see `createSpool`. */
export interface Spool extends Journal {
  /**
   * Opens the file, then drains what an earlier run left. Rejects with `store_locked` when another
   * process works on the directory, with `store_too_old`, and for no other reason.
   */
  start(): Promise<void>
  /** Drains as long as `graceMs`; what still waits stays for the next start. */
  stop(options: { graceMs: number }): Promise<void>
  /** `ok`, `degraded: …`, or the code of the error for which nothing can be acknowledged. */
  state(): string
  stats(): SpoolStats
  /** For people. Never rejects. */
  figures(): Promise<SpoolFigures>
  /** As the store's own: batches that wait here. */
  findWaiting: Archive['findWaiting']
  /** False while nothing could be kept. */
  canAcknowledge(): boolean
  /** Why and since when the shared store is away, or was never there; undefined while it is well. */
  outage(): Outage | undefined
}

/**
 * Keeps batches in the shared store, or in a local file while that is away: an acknowledgement
 * needs one of the two. What the file holds follows in the background, in the order in which it
 * came. A batch may reach the store twice on its way; its id makes that harmless.
 */
export function createSpool(options: SpoolOptions): Spool {
  const { shared, directory, observer, onBroken, now, startTimer = startPlatformTimer } = options
  const totals = { spooled: 0, drained: 0, setAside: 0 }
  let backlog: { since: number; drained: number } | undefined
  let hasAlarmed = false
  let hasStopped = false

  const breaker = createBreaker({
    shared,
    startTimer,
    now,
    onAway: (error) => {
      observer.spoolBegan(describe(error))
      drain.wake()
    },
    onBack: () => observer.spoolEnded({ waiting: file.counts().waiting }),
  })
  const file = createSpoolFile({
    directory,
    openLocal: options.openLocal ?? openLocalJournal,
    now,
    startTimer,
    onSetAside(place, reason) {
      totals.setAside++
      observer.spoolSetAside({ file: place, ...describe(reason) })
    },
    onFailed(error) {
      observer.spoolFailed(describe(error))
      if (isForGood(error)) onBroken(error)
      drain.wake()
    },
    onRecovered: () => observer.spoolRecovered(),
  })
  const drain = createDrain({
    file,
    breaker,
    startTimer,
    onDrained() {
      totals.drained++
      if (backlog) backlog.drained++
    },
    onRefused: ({ id }, error) =>
      observer.spoolRefused({ batch: id, detail: describe(error).detail }),
    onIdle: tellDrained,
    onPause: () => void lookAtDisk(),
  })

  async function append(batch: Batch): Promise<void> {
    if (hasStopped) throw new ReceiverError('store_closed')
    if (breaker.failure()) return spool(batch)
    // What is spooled moves to another thread; the store may still be sending what it was given.
    const error = await breaker.append(batch)
    if (error) await spool({ ...batch, body: new Uint8Array(batch.body) })
  }

  async function spool(batch: Batch): Promise<void> {
    await file.append(batch)
    totals.spooled++
    backlog ??= { since: now(), drained: 0 }
    drain.wake()
  }

  function tellDrained(): void {
    if (backlog && backlog.drained > 0) {
      observer.spoolDrained({ batches: backlog.drained, durationMs: now() - backlog.since })
    }
    backlog = undefined
    hasAlarmed = false
  }

  async function figures(): Promise<SpoolFigures> {
    const diskUsedPercent = await readDisk()
    const { waiting, refused } = file.counts()
    const since = waiting > 0 ? backlog?.since : undefined
    const bytes = readSpoolBytes(directory)
    return { waiting, refused, ...totals, bytes, diskUsedPercent, since }
  }

  function readDisk(): Promise<number> {
    return (options.usedPercent ?? readUsedPercent)(directory).catch(() => 0)
  }

  async function lookAtDisk(): Promise<void> {
    const { waiting } = file.counts()
    if (hasAlarmed || waiting === 0) return
    const usedPercent = await readDisk()
    if (hasAlarmed || usedPercent < ALARM_PERCENT) return
    hasAlarmed = true
    observer.spoolFilling({ usedPercent, waiting })
  }

  async function start(): Promise<void> {
    await file.open()
    const isAtRisk = options.isOnContainerLayer ?? isOnContainerLayer
    if (await isAtRisk(directory).catch(() => false)) observer.spoolAtRisk({ directory })
    const { waiting } = file.counts()
    if (waiting > 0) {
      observer.spoolFound({ batches: waiting })
      backlog = { since: now(), drained: 0 }
    }
    drain.start()
  }

  async function stop({ graceMs }: { graceMs: number }): Promise<void> {
    hasStopped = true
    const graceEnds = new Promise<void>((resolve) => {
      const cancel = startTimer(graceMs, resolve)
      void drain.finish().then(cancel).then(resolve)
    })
    await graceEnds
    drain.abandon()
    const { waiting } = file.counts()
    if (waiting > 0) observer.spoolLeft({ batches: waiting })
    await file.close()
  }

  return {
    append,
    start,
    stop,
    state: () => describeState(breaker.outage(), file.failure(), file.counts().waiting),
    outage: breaker.outage,
    canAcknowledge: () => !(breaker.failure() && file.failure()),
    findWaiting: (traces, among) => file.findWaiting(traces, among),
    stats: () => ({ ...file.counts(), ...totals }),
    figures,
  }
}

function describeState(
  outage: Outage | undefined,
  failure: ReceiverError | undefined,
  waiting: number,
): string {
  if (outage?.error && failure) return failure.code
  const away = outage && describeOutage(outage)
  const spooled = waiting === 1 ? '1 batch waits' : `${waiting} batches wait`
  if (waiting > 0) return `degraded: ${spooled} in the spool${away ? `, ${away}` : ''}`
  if (away) return `degraded: ${away}`
  return failure ? `degraded: the spool cannot keep batches (${failure.code})` : 'ok'
}

function describeOutage({ since, wasOpened, error }: Outage): string {
  const text = wasOpened ? 'the store is away' : 'the store was never opened'
  return `${text} since ${new Date(since).toISOString()}${error ? ` (${error.code})` : ''}`
}

/** The text of a code tells what happens without a spool. */
function describe({ code, detail, message }: ReceiverError): { code: string; detail: string } {
  return { code, detail: detail || message }
}

/** A spool that is gone is begun anew, and what was in the one before no start brings back. */
function isForGood({ code, known }: ReceiverError): boolean {
  return code !== 'store_gone' && known.endsProcess === true
}
