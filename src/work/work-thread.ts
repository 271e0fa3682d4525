import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Lanes } from '../dispatch/lanes.ts'
import { giveWay } from '../give-way.ts'
import type { Observer } from '../observe/observer.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { toFailure } from '../thread-calls.ts'
import { Claims } from './claims.ts'
import { createHealth, type Health } from './health.ts'
import { Loop } from './loop.ts'
import { openThreadStore, type ThreadStore } from './open-thread-store.ts'
import { createFactSender, Orders } from './orders.ts'
import { createRegistry } from './registry.ts'
import { Unpacker } from './unpacker.ts'
import type { WorkNews, WorkOrder, WorkThreadData } from './work-messages.ts'

const now = () => performance.now()

interface Around {
  readonly observer: Observer
  readonly health: Health
  readonly leaseMs: number
  readonly post: (news: WorkNews) => void
  /** What the loop does for the thread that answers, in its turns. */
  readonly orders: () => Orders
}

/** The loop, and what it takes its turns with. */
function compose(store: ThreadStore, { post, orders, ...around }: Around) {
  const lanes = new Lanes({
    observer: around.observer,
    now,
    random: Math.random,
    takeTurns: store.work.takeTurns,
    onChange: () => {
      loop.wake()
      tellBroken()
    },
    onRegistration: () => void registry.note(),
  })
  const shared = { ...around, store: store.work, lanes, now }
  const claims = new Claims(shared)
  const unpacker = new Unpacker({
    ...shared,
    providers: PROVIDERS,
    takesAhead: store.pace.turnsAtOnce > 1,
    readingMs: store.pace.readingMs,
    opens: (...given) => claims.opens(...given),
    readBackfilled: store.readBackfilled,
  })
  const loop = new Loop({
    ...shared,
    unpacker,
    claims,
    pace: store.pace,
    keepWaiting: () => orders().keepWaiting(),
    serve: () => orders().serve(),
    tidy: store.tidy,
  })
  const registry = createRegistry({
    ...shared,
    follow: (rules) => {
      unpacker.follow(rules)
      loop.hear('jobs')
    },
    tell: (registrations) => post({ registrations }),
  })

  let broken = 0
  function tellBroken(): void {
    const { length } = lanes.broken()
    if (length !== broken) post({ broken: length })
    broken = length
  }
  return { lanes, loop, registry }
}

/** Opens the store, starts the loop and serves the thread that answers. */
async function run(port: MessagePort, { store: place, leaseMs }: WorkThreadData): Promise<void> {
  const post = (news: WorkNews) => port.postMessage(news)
  const facts = createFactSender(post)
  const { observer } = facts
  const store = await openThreadStore(place, observer)
  const health = createHealth({
    probe: () => store.work.probe(),
    observer,
    now: Date.now,
    onChange: ({ failure, since }) =>
      post({ health: { failure: failure && toFailure(failure), since } }),
  })
  const parts = { observer, health, leaseMs, post, orders: () => orders }
  const { lanes, loop, registry } = compose(store, parts)
  const orders = new Orders({
    port,
    store,
    facts,
    health,
    onHint: (hint) => loop.hear(hint),
    own: {
      open() {},
      probe: () => store.work.probe(),
      loadHandlers: () => store.work.loadHandlers(),
      useUrl: store.useUrl,
      startHandlers: registry.start,
      reload: registry.reload,
      beginStop: () => loop.beginStop(),
      stopHandlers: lanes.stop,
      dropErased: () => loop.dropErased(),
      stop,
    },
  })

  async function stop(): Promise<void> {
    await loop.stop()
    health.stop()
    await store.close()
    orders.flush()
    setImmediate(() => port.close())
  }

  port.on('message', (order: WorkOrder) => {
    orders.take(order)
    loop.wake()
  })
  // There is always something to unpack: an equal share for it is taken from the acknowledgements.
  giveWay(0)
  loop.start()
}

if (parentPort) {
  const port = parentPort
  try {
    await run(port, workerData as WorkThreadData)
  } catch (error) {
    // The first thing that is asked is whether it is open.
    port.once('message', ({ id }: WorkOrder & { readonly id: number }) => {
      port.postMessage({ answers: [{ id, failure: toFailure(error) }] } satisfies WorkNews)
    })
  }
}
