import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Lanes } from '../dispatch/lanes.ts'
import { ReceiverError } from '../errors.ts'
import type { Batch } from '../model.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { createBackfilledReader } from '../store/backfilled-span.ts'
import type { Upkeep, WorkStore } from '../store/store.ts'
import { Claims } from './claims.ts'
import { createFactSender } from './fact-sender.ts'
import { createHealth } from './health.ts'
import { Loop } from './loop.ts'
import { IN_THREAD, ON_SERVER, type Pace } from './pace.ts'
import { createRegistry } from './registry.ts'
import { Unpacker } from './unpacker.ts'
import {
  type Answer,
  toFailure,
  type WorkNews,
  type WorkOrder,
  type WorkThreadData,
} from './work-messages.ts'

/** The store as it works in this thread: SQLite's in it, with all that others ask of it. */
interface ThreadStore {
  readonly work: WorkStore
  readonly readNote: Upkeep['readNote']
  readonly pace: Pace
  readonly upkeep: Partial<Upkeep> & { readonly wipe?: (step: never) => unknown }
  /** Only where acknowledging is this thread's affair. */
  readonly append?: (batches: readonly Batch[]) => void
  readonly tidy: () => boolean
  readonly findFailure: () => ReceiverError | undefined
  readonly useUrl: (url: string) => void
  readonly close: () => unknown
}

const MERGE_MS = 4
/** After these the store may have something to unpack, or to run. */
const MAKES_WORK: ReadonlySet<string> = new Set(['replay', 'hasten', 'setPaused', 'requeue'])

async function openStore({ store }: WorkThreadData, tell: Facts): Promise<ThreadStore> {
  const onCommit = tell.observer.storeCommitted
  const onWarning = (detail: string) => tell.observer.storeWarned({ detail })
  if (store.engine === 'sqlite') {
    const { openSqliteEngine } = await import('../store/sqlite/engine.ts')
    const options = { onCommit, onWarning, waitsForLock: true }
    const engine = await openSqliteEngine(store.file, options)
    return {
      // Nobody else adds anything: what this thread has added it knows.
      work: { ...engine, onHint: () => () => {} },
      readNote: engine.readNote,
      pace: IN_THREAD,
      upkeep: engine,
      append: engine.append,
      tidy: () => {
        engine.checkpointIfDue()
        return engine.mergeKeys(MERGE_MS)
      },
      findFailure: engine.findFailure,
      useUrl() {},
      close: engine.close,
    }
  }
  const { openPostgresEngine } = await import('../store/postgres/engine.ts')
  const engine = await openPostgresEngine(store.url, { onCommit, onWarning, part: 'work' })
  return {
    work: engine,
    readNote: engine.readNote,
    pace: ON_SERVER,
    upkeep: {},
    tidy: () => false,
    findFailure: () => undefined,
    useUrl: engine.useUrl,
    close: engine.close,
  }
}

type Facts = ReturnType<typeof createFactSender>

/** Puts the loop together and serves the thread that answers. */
async function run(port: NonNullable<typeof parentPort>, data: WorkThreadData): Promise<void> {
  const post = (news: WorkNews) => port.postMessage(news)
  const facts = createFactSender(post)
  const { observer } = facts
  const store = await openStore(data, facts)
  const health = createHealth({
    probe: () => store.work.probe(),
    observer,
    now: Date.now,
    onChange: ({ failure, since }) =>
      post({ health: { failure: failure && toFailure(failure), since } }),
  })
  const appends: Extract<WorkOrder, { kind: 'append' }>[] = []
  const asks: Extract<WorkOrder, { kind: 'ask' }>[] = []
  const answers: Answer[] = []

  const lanes = new Lanes({
    observer,
    now: () => performance.now(),
    random: Math.random,
    takeTurns: store.work.takeTurns,
    onChange: () => {
      loop.wake()
      tellBroken()
    },
    onRegistration: () => void registry.note(),
  })
  let broken = 0
  const { leaseMs } = data
  const claims = new Claims({ store: store.work, lanes, observer, leaseMs })
  const unpacker = new Unpacker({
    store: store.work,
    providers: PROVIDERS,
    observer,
    now: () => performance.now(),
    leaseMs,
    takesAhead: store.pace.turnsAtOnce > 1,
    readingMs: store.pace.readingMs,
    opens: (...given) => claims.opens(...given),
    readBackfilled: createBackfilledReader(store.readNote, () => performance.now()),
  })
  const loop = new Loop({
    store: store.work,
    lanes,
    unpacker,
    claims,
    health,
    leaseMs,
    pace: store.pace,
    keepWaiting,
    serve,
    tidy: store.tidy,
    onTurn: flush,
  })
  const registry = createRegistry({
    store: store.work,
    lanes,
    health,
    follow: (rules) => {
      unpacker.follow(rules)
      loop.lookForWork()
    },
    tell: (registrations) => post({ registrations }),
  })

  function tellBroken(): void {
    const { length } = lanes.broken()
    if (length !== broken) post({ broken: length })
    broken = length
  }

  function take(order: WorkOrder): void {
    if (order.kind === 'append') appends.push(order)
    else if (order.kind === 'batches') unpacker.lookAgain()
    else if (order.operation in own) void answerLater(order, () => callOwn(order))
    else asks.push(order)
  }

  /** All that wait share one transaction and one sync. Looks for what came while the thread was busy. */
  function keepWaiting(): boolean {
    for (let item = receiveMessageOnPort(port); item; item = receiveMessageOnPort(port)) {
      take(item.message as WorkOrder)
    }
    if (appends.length === 0) return false
    const group = appends.splice(0)
    const ids = group.map(({ id }) => id)
    try {
      keep(group.map(({ batch }) => batch))
      post({ kept: ids, ...facts.take() })
      unpacker.lookAgain()
      health.succeeded()
    } catch (error) {
      health.failed(error)
      post({ lost: { ids, failure: toFailure(error) } })
    }
    return true
  }

  function keep(batches: readonly Batch[]): void {
    store.append?.(batches)
    // After the commit: what is acknowledged was in its place when it was on disk.
    const failure = store.findFailure()
    if (failure) throw failure
  }

  /** One thing that somebody asked of the store, between two turns. */
  async function serve(): Promise<boolean> {
    const order = asks.shift()
    if (!order) return false
    const { operation, args } = order
    await answerLater(order, () => {
      const run = (store.upkeep as Record<string, (...given: readonly unknown[]) => unknown>)[
        operation
      ]
      if (!run) throw new ReceiverError('store_refused', { detail: operation })
      return run(...args)
    })
    if (MAKES_WORK.has(operation)) {
      unpacker.lookAgain()
      loop.lookForWork()
    }
    return true
  }

  async function answerLater({ id }: { id: number }, work: () => unknown): Promise<void> {
    try {
      answers.push({ id, value: await work() })
    } catch (error) {
      answers.push({ id, failure: toFailure(error) })
    }
    flush()
  }

  function flush(): void {
    const told = facts.take()
    const answered = answers.splice(0)
    if (told.facts === undefined && answered.length === 0) return
    post({ ...told, ...(answered.length > 0 && { answers: answered }) })
  }

  /** What the thread itself is asked. */
  const own: Readonly<Record<string, (...given: never[]) => unknown>> = {
    probe: () => store.work.probe(),
    loadHandlers: () => store.work.loadHandlers(),
    useUrl: store.useUrl,
    startHandlers: registry.start,
    reload: registry.reload,
    beginStop: () => loop.beginStop(),
    stopHandlers: lanes.stop,
    dropErased: () => loop.dropErased(),
    async stop() {
      await loop.stop()
      health.stop()
      await store.close()
      flush()
      setImmediate(() => port.close())
    },
  }
  const callOwn = ({ operation, args }: Extract<WorkOrder, { kind: 'ask' }>) =>
    own[operation]?.(...(args as never[]))

  port.on('message', (order: WorkOrder) => {
    take(order)
    loop.wake()
  })
  post({ opened: true })
  loop.start()
}

if (parentPort) {
  try {
    await run(parentPort, workerData as WorkThreadData)
  } catch (error) {
    parentPort.postMessage({ unusable: toFailure(error) } satisfies WorkNews)
  }
}
