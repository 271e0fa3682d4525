import { Worker } from 'node:worker_threads'
import { entryPoint } from '../entry-point.ts'
import { ReceiverError } from '../errors.ts'
import type { Batch, HandlerRegistration } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import type { HealthState } from './health.ts'
import {
  type Answer,
  moveableBytes,
  toError,
  type WorkNews,
  type WorkOrder,
  type WorkThreadData,
} from './work-messages.ts'

/**
 * Bounds what hostile content can take: the process starts anew when it runs out. The second is a
 * fraction of what Node would choose; a thread fills it before it looks what is garbage.
 */
const HEAP_MB = { maxOldGenerationSizeMb: 768, maxYoungGenerationSizeMb: 8 }

/** How long a thread that has closed its store may take to end. */
const LAST_MOMENT_MS = 1_000

/** The work thread as the thread that answers sees it. */
export interface WorkThread {
  /** Resolves once the batch is on disk; moves its body, if that owns its memory. */
  append(batch: Batch): Promise<void>
  /** Has an operation done there. Rejects like the store. */
  ask<Value>(operation: string, ...args: readonly unknown[]): Promise<Value>
  /** Somebody has appended to the shared store. */
  tellBatches(): void
  health(): HealthState
  /** Records what has ended and closes the store; resolves once the thread has let go of it. */
  stop(): Promise<void>
  /** Those whose events are unpacked for them, as far as is known. */
  registrations(): readonly HandlerRegistration[]
  /** How many handlers cannot be started, or end again and again: their events wait. */
  broken(): number
}

interface Waiting {
  resolve(value: never): void
  reject(error: ReceiverError): void
}

/**
 * Starts the thread behind the acknowledgements. Resolves when its store is open; rejects with the
 * reason when it cannot be used. `onBroken`: nothing can be kept any more, the process has to start anew.
 */
export function startWorkThread(
  data: WorkThreadData,
  options: {
    readonly observer: Observer
    readonly onBroken: (error: ReceiverError) => void
    readonly onHealth?: (state: HealthState) => void
  },
): Promise<WorkThread> {
  const { observer, onBroken, onHealth = () => {} } = options
  const { url, execArgv } = entryPoint('work/work-thread')
  const worker = new Worker(url, {
    workerData: data,
    execArgv: [...execArgv],
    resourceLimits: HEAP_MB,
  })
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let ended: ReceiverError | undefined
  let health: HealthState = { failure: undefined, since: undefined }
  let registrations: readonly HandlerRegistration[] = []
  let broken = 0

  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))

  function send<Value>(
    order: (id: number) => WorkOrder,
    moved: readonly ArrayBuffer[],
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (ended) return reject(ended)
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      worker.postMessage(order(id), moved)
    })
  }

  function settle(id: number, end: (waiting: Waiting) => void): void {
    const one = waiting.get(id)
    waiting.delete(id)
    if (one) end(one)
  }

  function takeAnswer(answer: Answer): void {
    settle(answer.id, ({ resolve, reject }) => {
      if ('value' in answer) resolve(answer.value as never)
      else reject(toError(answer.failure))
    })
  }

  function take(news: WorkNews): void {
    for (const id of news.kept ?? []) settle(id, ({ resolve }) => resolve(undefined as never))
    if (news.lost) {
      const error = toError(news.lost.failure)
      for (const id of news.lost.ids) settle(id, ({ reject }) => reject(error))
    }
    for (const [name, fact] of news.facts ?? []) {
      ;(observer[name] as (fact: unknown) => void)(fact)
    }
    for (const answer of news.answers ?? []) takeAnswer(answer)
    if (news.registrations) registrations = news.registrations
    broken = news.broken ?? broken
    if (news.health) noteHealth(news.health)
  }

  function noteHealth({ failure, since }: NonNullable<WorkNews['health']>): void {
    health = { failure: failure && toError(failure), since }
    onHealth(health)
    if (health.failure?.known.endsProcess) onBroken(health.failure)
  }

  function end(error: ReceiverError): void {
    ended ??= error
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }

  const thread: WorkThread = {
    append(batch) {
      return send((id) => ({ kind: 'append', id, batch }), moveableBytes(batch.body))
    },
    ask(operation, ...args) {
      return send((id) => ({ kind: 'ask', id, operation, args }), args.flatMap(moveableBytes))
    },
    tellBatches: () => worker.postMessage({ kind: 'batches' } satisfies WorkOrder),
    health: () => health,
    async stop() {
      await thread.ask('stop')
      const timer = setTimeout(() => void worker.terminate(), LAST_MOMENT_MS)
      await exited
      clearTimeout(timer)
    },
    registrations: () => registrations,
    broken: () => broken,
  }
  return new Promise((resolve, reject) => {
    let hasOpened = false
    let reason: unknown
    worker.on('message', (news: WorkNews) => {
      if (news.opened) {
        hasOpened = true
        resolve(thread)
      }
      if (news.unusable) reject(toError(news.unusable))
      take(news)
    })
    worker.on('error', (error) => {
      reason = error
    })
    worker.on('exit', () => {
      const detail = reason instanceof Error ? reason.message : 'the work thread has ended'
      const error = new ReceiverError('store_closed', { detail, cause: reason })
      const isSudden = hasOpened && reason !== undefined
      end(error)
      reject(error)
      if (!isSudden) return
      health = { failure: error, since: Date.now() }
      onBroken(error)
    })
  })
}
