import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import {
  type HandlersOrder,
  Lanes,
  type LanesOptions,
  type StartReport,
} from '../../src/dispatch/lanes.ts'
import type { HandlerRegistration, HandlerSettings } from '../../src/model.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { PATIENCE_MS } from '../patience-ms.ts'
import { MemoryStore } from './memory-store.ts'
import { createRecordingObserver, type RecordingObserver } from './recording-observer.ts'

export const PATIENCE = { interval: 10 }
const POLL_MS = 1_000
const MEGABYTE = 1024 * 1024

export function modulePath(name: string): string {
  return fileURLToPath(new URL(`./modules/${name}.mjs`, import.meta.url))
}

export interface RunningLanes {
  readonly lanes: Lanes
  readonly store: MemoryStore
  readonly observer: RecordingObserver
  readonly report: StartReport
  readonly registered: readonly (HandlerRegistration | undefined)[]
}

type Handler = Partial<HandlerSettings> & { readonly name: string }

export interface LanesSetup
  extends Partial<Pick<LanesOptions, 'limits' | 'startWaitMs' | 'takeTurns'>> {
  /** Names of modules in `./modules` unless `module` says otherwise, with settings. */
  readonly handlers: readonly Handler[]
  readonly childEnv?: HandlersOrder['childEnv']
  readonly store?: MemoryStore
  /** Default 60 s. */
  readonly leaseMs?: number
}

export function settingsOf({ name, ...settings }: Handler): HandlerSettings {
  return {
    module: modulePath(name),
    concurrency: undefined,
    timeoutMs: 20_000,
    retryDelaysMs: [0, 0],
    maxHeapBytes: 256 * MEGABYTE,
    ...settings,
  }
}

/** Lanes and a loop for them, which stop when the test has finished, and have then left no process behind. */
export async function runLanes(setup: LanesSetup): Promise<RunningLanes> {
  const { handlers, store = new MemoryStore(), childEnv, leaseMs = 60_000, ...options } = setup
  const observer = createRecordingObserver()
  const registered: (HandlerRegistration | undefined)[] = []
  let loop: Loop | undefined
  const lanes = new Lanes({
    now: () => performance.now(),
    random: () => 0,
    startWaitMs: 25_000,
    takeTurns: ({ wanted }) => wanted,
    ...options,
    observer,
    onChange: () => loop?.wake(),
    onRegistration: (registration) => registered.push(registration),
  })
  loop = startLoop(lanes, store, leaseMs)
  onTestFinished(async () => {
    await lanes.stop({ softMs: 0, hardMs: 0 })
    loop.stop()
    for (const { pid } of observer.facts.handlerStarted) await expectGone(pid)
  })
  const report = await lanes.start({
    handlers: handlers.map(settingsOf),
    childEnv: childEnv ?? { PATH: process.env.PATH },
  })
  return { lanes, store, observer, report, registered }
}

interface Loop {
  wake(): void
  stop(): void
}

/** Records what has ended, claims what is wanted and hands it over, as the receiver's loop does. */
function startLoop(lanes: Lanes, store: MemoryStore, leaseMs: number): Loop {
  let isDue = false
  let timer: NodeJS.Timeout | undefined
  const wakeLanes = () => {
    lanes.wake()
    wake()
  }
  const turn = () => {
    isDue = false
    clearTimeout(timer)
    try {
      recordEnded(lanes, store)
      handOut(lanes, store, leaseMs)
      const dueInMs = store.nextDue() - performance.now()
      timer = setTimeout(wakeLanes, Math.min(POLL_MS, Math.max(1, dueInMs)))
    } catch {
      timer = setTimeout(wakeLanes, 50)
    }
  }
  const wake = () => {
    if (!isDue) setImmediate(turn)
    isDue = true
  }
  store.onWork = wakeLanes
  const leases = setInterval(() => {
    if (!store.failure) store.extend(lanes.held(), leaseMs)
  }, leaseMs / 3)
  timer = setTimeout(wakeLanes, POLL_MS)
  return {
    wake,
    stop() {
      isDue = true
      clearTimeout(timer)
      clearInterval(leases)
    },
  }
}

export function recordEnded(lanes: Lanes, store: MemoryStore): void {
  const { progress, jobs } = lanes.takeEnded()
  if (progress.length + jobs.length === 0) return
  store.commit(progress, jobs)
  lanes.recorded()
}

function handOut(lanes: Lanes, store: MemoryStore, leaseMs: number): void {
  for (const want of lanes.wants()) {
    const jobs = store.claimJobs({ ...want, leaseMs })
    const runs = store.claimRuns({ ...want, leaseMs })
    if (jobs.length + runs.length > 0) lanes.hand([...runs, ...jobs])
    else lanes.sleep(want.handler)
  }
}

export async function expectGone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(isAlive(pid), `process ${pid} lives`).toBe(false), PATIENCE)
}

/** A zombie is as dead as can be: that nobody has fetched its exit code is its parent's affair. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}

/** The kinds of an event's recorded outcomes, in order. */
export function outcomesOf(store: MemoryStore, handler: string, event: number): string[] {
  return store.get(handler, event).attempts.map(({ outcome }) => outcome.kind)
}

/** The errors of an event's recorded outcomes, in order. */
export function errorsOf(
  store: MemoryStore,
  handler: string,
  event: number,
): (string | undefined)[] {
  return store
    .get(handler, event)
    .attempts.map(({ outcome }) => ('error' in outcome ? outcome.error : undefined))
}

/** Costs less than an expectation that fails a hundred times a second. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { ...PATIENCE, timeout: PATIENCE_MS })
}
