import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { entryPoint } from '../entry-point.ts'
import { ReceiverError } from '../errors.ts'
import type { Batch, HandlerRegistration, HashedBody } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import { ThreadCalls, toError } from '../thread-calls.ts'
import type { HealthState } from './health.ts'
import {
  moveableBytes,
  SendingRoom,
  type WorkNews,
  type WorkOrder,
  type WorkThreadData,
} from './work-messages.ts'

/**
 * Bounds what hostile content can take: the process starts anew when it runs out. The second is a
 * fraction of what Node would choose; a thread fills it before it looks what is garbage. The start's
 * `--max-semi-space-size` overrules it.
 */
const HEAP_MB = { maxOldGenerationSizeMb: 768, maxYoungGenerationSizeMb: 8 }

/**
 * V8 takes what a page is made of for lasting, as it lives until the page is stored, and makes it where only a full
 * collection finds that it is not: these were a fifth of what V8's helping threads do.
 */
const MADE_YOUNG = '--no-allocation-site-pretenuring'

/** How long a thread that has closed its store may take to end. */
const LAST_MOMENT_MS = 1_000

/** Of bodies that the shared store has: more are read from there. */
const MOST_SENDING_BYTES = 8 * 1024 * 1024

/** The work thread as the thread that answers sees it. */
export interface WorkThread {
  /** Resolves once the batch is on disk; moves its body, if that owns its memory. */
  append(batch: Batch): Promise<void>
  /** Has an operation done there. Rejects like the store. */
  ask<Value>(operation: string, ...args: readonly unknown[]): Promise<Value>
  /** This was appended to the shared store; may move its body, if that owns its memory. */
  tellAppended(batch: HashedBody): void
  health(): HealthState
  /** Records what has ended and closes the store; resolves once the thread has let go of it. */
  stop(): Promise<void>
  /** Those whose events are unpacked for them, as far as is known. */
  registrations(): readonly HandlerRegistration[]
  /** How many handlers cannot be started, or end again and again: their events wait. */
  broken(): number
}

interface Options {
  readonly observer: Observer
  readonly onBroken: (error: ReceiverError) => void
}

/** What the thread has said of itself last. */
interface Told {
  health: HealthState
  registrations: readonly HandlerRegistration[]
  broken: number
}

/**
 * Starts the thread behind the acknowledgements. Resolves when its store is open; rejects with the
 * reason when it cannot be used. `onBroken`: nothing can be kept any more, the process has to start anew.
 */
export async function startWorkThread(data: WorkThreadData, options: Options): Promise<WorkThread> {
  const { url, execArgv } = entryPoint('work/work-thread')
  setFlagsFromString(MADE_YOUNG)
  const worker = new Worker(url, {
    workerData: data,
    execArgv: [...execArgv],
    resourceLimits: HEAP_MB,
  })
  const calls = new ThreadCalls()
  const sending = new SendingRoom(MOST_SENDING_BYTES)
  const told: Told = {
    health: { failure: undefined, since: undefined },
    registrations: [],
    broken: 0,
  }
  let hasOpened = false
  let reason: unknown
  worker.on('message', (news: WorkNews) => {
    sending.clear()
    takeNews(news, { ...options, calls, told })
  })
  worker.on('error', (error) => {
    reason = error
  })
  worker.on('exit', () => {
    const detail = reason instanceof Error ? reason.message : 'the work thread has ended'
    const error = new ReceiverError('store_closed', { detail, cause: reason })
    calls.end(error)
    if (!hasOpened || reason === undefined) return
    told.health = { failure: error, since: Date.now() }
    options.onBroken(error)
  })
  const thread = createWorkThread(worker, calls, { told, sending })
  await thread.ask('open')
  hasOpened = true
  return thread
}

function createWorkThread(
  worker: Worker,
  calls: ThreadCalls,
  { told, sending }: { readonly told: Told; readonly sending: SendingRoom },
): WorkThread {
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))

  function send<Value>(order: (id: number) => WorkOrder, moved: readonly ArrayBuffer[]) {
    return calls.begin<Value>((id) => worker.postMessage(order(id), moved))
  }

  const thread: WorkThread = {
    append(batch) {
      return send((id) => ({ kind: 'append', id, batch }), moveableBytes(batch.body))
    },
    ask(operation, ...args) {
      return send((id) => ({ kind: 'ask', id, operation, args }), args.flatMap(moveableBytes))
    },
    tellAppended({ sha256, body }) {
      const hasRoom = sending.take(body.byteLength)
      const batch = { sha256, body }
      const order: WorkOrder = { kind: 'appended', ...(hasRoom && { batch }) }
      worker.postMessage(order, hasRoom ? moveableBytes(body) : [])
    },
    health: () => told.health,
    async stop() {
      await thread.ask('stop')
      const timer = setTimeout(() => void worker.terminate(), LAST_MOMENT_MS)
      await exited
      clearTimeout(timer)
    },
    registrations: () => told.registrations,
    broken: () => told.broken,
  }
  return thread
}

function takeNews(
  news: WorkNews,
  { observer, onBroken, calls, told }: Options & { calls: ThreadCalls; told: Told },
): void {
  for (const id of news.kept ?? []) calls.settle({ id, value: undefined })
  for (const [name, fact] of news.facts ?? []) {
    ;(observer[name] as (fact: unknown) => void)(fact)
  }
  for (const answer of news.answers ?? []) calls.settle(answer)
  told.registrations = news.registrations ?? told.registrations
  told.broken = news.broken ?? told.broken
  if (!news.health) return
  const { failure, since } = news.health
  told.health = { failure: failure && toError(failure), since }
  if (told.health.failure?.known.endsProcess) onBroken(told.health.failure)
}
