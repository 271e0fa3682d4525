import { ReceiverError } from '../errors.ts'
import type { Batch } from '../model.ts'
import type { SpoolObserver } from '../observe/observer.ts'
import { type StartTimer, startPlatformTimer } from '../timers.ts'
import { openBatchFiles } from './spool/batch-files.ts'
import { createBreaker, type Outage } from './spool/breaker.ts'
import { createDrain } from './spool/drain.ts'
import {
  createSpoolFolder,
  isOnContainerLayer,
  readUsedPercent,
  type SpoolFolderOptions,
} from './spool/spool-folder.ts'
import type { SpoolFigures, SpoolStats, Store } from './store.ts'

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
  readonly openFiles?: SpoolFolderOptions['openFiles']
  readonly usedPercent?: (directory: string) => Promise<number>
  readonly isOnContainerLayer?: (directory: string) => Promise<boolean>
}

/** A journal in front of a shared store. */
export type Spool = ReturnType<typeof createSpool>

/**
 * Keeps batches in the shared store, or in a local folder while that is away: an acknowledgement
 * needs one of the two. What the folder holds follows in the background, in the order in which it
 * came. A batch may reach the store twice on its way; its id makes that harmless.
 */
export function createSpool(options: SpoolOptions) {
  const { directory, observer, startTimer = startPlatformTimer } = options
  const record = createRecord(options)
  const disk = createDiskWatch(options)
  const { breaker, folder, drain } = createParts({ ...options, startTimer }, record, disk)
  const { outage } = breaker
  let hasStopped = false

  /** Answers whether the shared store has it. */
  async function append(batch: Batch): Promise<boolean> {
    if (hasStopped) throw new ReceiverError('store_closed')
    if (!breaker.failure() && !(await breaker.append(batch))) return true
    await folder.append(batch)
    record.spooled()
    drain.wake()
    return false
  }

  /**
   * Opens the folder, then drains what an earlier run left. Rejects with `store_locked` when another
   * process works on the directory, with `store_too_old`, and for no other reason.
   */
  async function start(): Promise<void> {
    await folder.open()
    const isAtRisk = options.isOnContainerLayer ?? isOnContainerLayer
    if (await isAtRisk(directory).catch(() => false)) observer.spoolAtRisk({ directory })
    record.found(folder.counts().waiting)
    drain.start()
  }

  /** Drains as long as `graceMs`; what still waits stays for the next start. */
  async function stop({ graceMs }: { graceMs: number }): Promise<void> {
    hasStopped = true
    await new Promise<void>((resolve) => {
      const cancel = startTimer(graceMs, resolve)
      void drain.finish().then(cancel).then(resolve)
    })
    drain.abandon()
    const { waiting } = folder.counts()
    if (waiting > 0) observer.spoolLeft({ batches: waiting })
    folder.close()
  }

  const stats = (): SpoolStats => ({ ...folder.counts(), ...record.totals })
  return {
    append,
    start,
    stop,
    stats,
    /** Why and since when the shared store is away, or was never there; undefined while it is well. */
    outage,
    /** `ok`, `degraded: …`, or the code of the error for which nothing can be acknowledged. */
    state: () => describeState(outage(), folder.failure(), folder.counts().waiting),
    /** False while nothing could be kept. */
    canAcknowledge: () => !(breaker.failure() && folder.failure()),
    /** As the store's own: batches that wait here. */
    findWaiting: folder.findWaiting,
    /** For people. Never rejects. */
    async figures(): Promise<SpoolFigures> {
      const diskUsedPercent = await disk.readPercent()
      const since = folder.counts().waiting > 0 ? record.since() : undefined
      return { ...stats(), bytes: folder.bytes(), diskUsedPercent, since }
    },
  }
}

function createParts(
  options: SpoolOptions & { readonly startTimer: StartTimer },
  record: ReturnType<typeof createRecord>,
  disk: ReturnType<typeof createDiskWatch>,
) {
  const { shared, directory, observer, onBroken, now, startTimer } = options
  const breaker = createBreaker({
    shared,
    startTimer,
    now,
    onAway: (error) => {
      observer.spoolBegan(describe(error))
      drain.wake()
    },
    onBack: () => observer.spoolEnded({ waiting: folder.counts().waiting }),
  })
  const folder = createSpoolFolder({
    directory,
    openFiles: options.openFiles ?? openBatchFiles,
    startTimer,
    onSetAside(file, reason) {
      record.totals.setAside++
      observer.spoolSetAside({ file, ...describe(reason) })
    },
    onFailed(error) {
      observer.spoolFailed(describe(error))
      if (isForGood(error)) onBroken(error)
      drain.wake()
    },
    onRecovered: () => observer.spoolRecovered(),
  })
  const drain = createDrain({
    folder,
    breaker,
    startTimer,
    onDrained: record.drained,
    onRefused: ({ id }, error) =>
      observer.spoolRefused({ batch: id, detail: describe(error).detail }),
    onIdle() {
      record.emptied()
      disk.reset()
    },
    onPause: () => void disk.look(folder.counts().waiting),
  })
  return { breaker, folder, drain }
}

/** What the spool has done, and since when batches wait. */
function createRecord({ observer, now }: SpoolOptions) {
  const totals = { spooled: 0, drained: 0, setAside: 0 }
  let backlog: { since: number; drained: number } | undefined
  return {
    totals,
    since: () => backlog?.since,
    /** At the start. */
    found(batches: number): void {
      if (batches === 0) return
      observer.spoolFound({ batches })
      backlog = { since: now(), drained: 0 }
    },
    spooled(): void {
      totals.spooled++
      backlog ??= { since: now(), drained: 0 }
    },
    drained(): void {
      totals.drained++
      if (backlog) backlog.drained++
    },
    emptied(): void {
      if (backlog && backlog.drained > 0) {
        observer.spoolDrained({ batches: backlog.drained, durationMs: now() - backlog.since })
      }
      backlog = undefined
    },
  }
}

/** Tells once an outage that its disk is nearly full. */
function createDiskWatch({ directory, observer, usedPercent = readUsedPercent }: SpoolOptions) {
  let hasAlarmed = false
  const readPercent = () => usedPercent(directory).catch(() => 0)
  return {
    /** 0 where it cannot be asked. */
    readPercent,
    async look(waiting: number): Promise<void> {
      if (hasAlarmed || waiting === 0) return
      const percent = await readPercent()
      if (hasAlarmed || percent < ALARM_PERCENT) return
      hasAlarmed = true
      observer.spoolFilling({ usedPercent: percent, waiting })
    },
    reset(): void {
      hasAlarmed = false
    },
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
