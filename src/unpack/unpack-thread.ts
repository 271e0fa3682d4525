import { setPriority } from 'node:os'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { createRoutes } from '../handlers/event-keys.ts'
import type { HandlerRegistration, Redaction } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { connectStore, type StoreConnection } from '../store/open-store.ts'
import { createUnpacker, type UnpackerOptions } from './unpacker.ts'

/** What the unpack thread is started with. */
export interface UnpackThreadData {
  readonly store: StoreConnection
  readonly registrations: readonly HandlerRegistration[]
  readonly redaction: Redaction | undefined
  /** A batch that takes longer than this to unpack may be taken by somebody else. */
  readonly leaseMs: number
}

type UnpackFacts = Pick<Observer, 'batchUnpacked' | 'unpackFailed' | 'storeCommitted'>

/** What the unpack thread tells: facts for the observer. */
export type UnpackNews = {
  [Name in keyof UnpackFacts]: { name: Name; fact: Parameters<UnpackFacts[Name]>[0] }
}[keyof UnpackFacts]

/** What it is told. */
export type UnpackOrder = 'stop'

/** One reads while the chunk of another is being stored. */
const HANDS = 2

/** Hints are only hints. */
const IDLE_MS = 1_000

/** Answers to requests come first; on Linux a thread has a priority of its own. */
const LESS_URGENT = 5

async function run(port: MessagePort, data: UnpackThreadData): Promise<void> {
  if (process.platform === 'linux') setPriority(LESS_URGENT)
  const tell = (news: UnpackNews): void => port.postMessage(news)
  const store = await connectStore(data.store, (fact) => tell({ name: 'storeCommitted', fact }))
  const options: UnpackerOptions = {
    store,
    providers: PROVIDERS,
    routes: createRoutes(data.registrations),
    redaction: data.redaction,
    log: {
      batchUnpacked: (fact) => tell({ name: 'batchUnpacked', fact }),
      unpackFailed: (fact) => tell({ name: 'unpackFailed', fact }),
    },
    now: Date.now,
    leaseMs: data.leaseMs,
    idleMs: IDLE_MS,
  }
  const unpackers = Array.from({ length: HANDS }, () => createUnpacker(options))
  for (const unpacker of unpackers) unpacker.start()
  port.once('message', async () => {
    await Promise.all(unpackers.map((unpacker) => unpacker.stop()))
    await store.close()
    port.close()
  })
}

if (parentPort) await run(parentPort, workerData as UnpackThreadData)
