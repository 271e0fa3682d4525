import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, vi } from 'vitest'
import { createDispatcher } from '../../src/dispatch/dispatcher.ts'
import type {
  Dispatcher,
  DispatcherOptions,
  HandlerSettings,
  StartReport,
} from '../../src/dispatch/dispatcher-options.ts'
import { MemoryStore } from './memory-store.ts'
import { createRecordingObserver, type RecordingObserver } from './recording-observer.ts'

export const PATIENCE = { interval: 10 }

export function modulePath(name: string): string {
  return fileURLToPath(new URL(`./modules/${name}.mjs`, import.meta.url))
}

export interface RunningDispatcher {
  readonly dispatcher: Dispatcher
  readonly store: MemoryStore
  readonly observer: RecordingObserver
  readonly report: StartReport
}

type Handler = Partial<Omit<HandlerSettings, 'module'>> & { readonly name: string }

export interface DispatcherSetup
  extends Partial<Omit<DispatcherOptions, 'handlers' | 'store' | 'observer'>> {
  /** Names of modules in `./modules`, with settings. */
  readonly handlers: readonly Handler[]
  readonly store?: MemoryStore
}

/** A dispatcher that stops when the test has finished, and has then left no process behind. */
export async function runDispatcher(setup: DispatcherSetup): Promise<RunningDispatcher> {
  const { handlers, store = new MemoryStore(), ...options } = setup
  const observer = createRecordingObserver()
  const dispatcher = createDispatcher({
    childEnv: { PATH: process.env.PATH },
    now: () => performance.now(),
    random: () => 0,
    startWaitMs: 25_000,
    ...options,
    store,
    observer,
    handlers: handlers.map(({ name, ...settings }) => ({
      module: modulePath(name),
      timeoutMs: 20_000,
      retryDelaysMs: [0, 0],
      ...settings,
    })),
  })
  onTestFinished(async () => {
    await dispatcher.stop({ softMs: 0, hardMs: 0 })
    for (const { pid } of observer.facts.handlerStarted) await expectGone(pid)
  })
  return { dispatcher, store, observer, report: await dispatcher.start() }
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

/** The kinds of a job's recorded outcomes, in order. */
export function outcomesOf(store: MemoryStore, handler: string, event: string): string[] {
  return store.get(handler, event).attempts.map(({ outcome }) => outcome.kind)
}

/** The errors of a job's recorded outcomes, in order. */
export function errorsOf(
  store: MemoryStore,
  handler: string,
  event: string,
): (string | undefined)[] {
  return store
    .get(handler, event)
    .attempts.map(({ outcome }) => ('error' in outcome ? outcome.error : undefined))
}

export async function waitUntil(condition: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(condition()).toBe(true), PATIENCE)
}
