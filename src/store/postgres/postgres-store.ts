import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Store, StoreCommit, StoreHint } from '../store.ts'
import { createArchive } from './archive.ts'
import { foldCounters } from './counters.ts'
import { createPool } from './driver.ts'
import { createHints } from './hints.ts'
import { createSender, listen } from './notify.ts'
import { createDatabaseOpening, isForGood, type OpenDatabase } from './open-database.ts'
import { foldSeries } from './series.ts'
import { createTransactions, type TransactionPlan, type Transactions } from './transactions.ts'
import { createWrites, type Writes } from './writes.ts'

/** Connections at most. Acknowledgements have theirs, so that nothing else keeps them waiting. */
const INGEST_CONNECTIONS = 4
const WORK_CONNECTIONS = 4
const READING_CONNECTIONS = 2
const THREAD_CONNECTIONS = 3

const FOLD_EVERY_MS = 10_000
const FOLD: TransactionPlan = { sync: 'off', timeoutMs: 5_000 }

/** Where the database is, and a way to hear of hints: what another thread has to be handed. */
export interface PostgresConnection {
  readonly url: string
  readonly port: MessagePort
}

/** What the threads of one process tell each other. */
interface ThreadNews {
  readonly hint?: StoreHint
  readonly url?: string
}

export interface PostgresStore extends Store {
  /** For another thread; `connectPostgresStore` makes a store of it there. */
  connect(): PostgresConnection
  /** From now on connections are opened with this; open ones stay. For a changed password. */
  useUrl(url: string): void
}

export interface PostgresStoreOptions {
  /** The receiver works, but somebody should look at the database. */
  readonly onWarning: (text: string) => void
  /** Default: the platform's. */
  readonly now?: () => number
  readonly random?: () => number
  readonly onCommit?: ((commit: StoreCommit) => void) | undefined
}

/**
 * Opens the database. Resolves also while it is away: every operation then rejects with
 * `store_busy` until it is back. Rejects with `invalid_settings` or `store_too_new` when it cannot
 * be used as it is.
 */
export async function openPostgresStore(
  firstUrl: string,
  { onWarning, now = Date.now, random = Math.random, onCommit }: PostgresStoreOptions,
): Promise<PostgresStore> {
  let url = firstUrl
  const open = (connections: number) =>
    createTransactions(
      createPool(() => url, connections),
      { random, onCommit },
    )
  const ingest = open(INGEST_CONNECTIONS)
  const work = open(WORK_CONNECTIONS)
  const reading = open(READING_CONNECTIONS)
  const openDatabase = createDatabaseOpening(work, onWarning)
  const openWork = afterOpening(work, openDatabase)
  const hints = createHints(createSender(openWork))
  const ports = new Set<MessagePort>()
  const stopListening = listen(() => url, hints.pass)
  const stopFolding = foldRegularly(openWork)

  function connect(): PostgresConnection {
    const { port1, port2 } = new MessageChannel()
    ports.add(port1)
    const stopHints = hints.onHint((hint) => port1.postMessage({ hint } satisfies ThreadNews))
    port1.on('message', ({ hint }: ThreadNews) => hint && hints.tell(hint))
    port1.on('close', () => {
      stopHints()
      ports.delete(port1)
    })
    port1.unref()
    return { url, port: port2 }
  }

  function useUrl(newUrl: string): void {
    url = newUrl
    for (const port of ports) port.postMessage({ url } satisfies ThreadNews)
  }

  async function close(): Promise<void> {
    stopFolding()
    for (const port of ports) port.close()
    await Promise.all([stopListening(), ingest.close(), work.close(), reading.close()])
  }

  try {
    await openDatabase()
  } catch (error) {
    if (isForGood(error)) {
      await close()
      throw error
    }
  }
  return {
    ...createWrites({
      ingest: afterOpening(ingest, openDatabase),
      ingestConnections: INGEST_CONNECTIONS,
      work: openWork,
      hints,
    }),
    ...createArchive(afterOpening(reading, openDatabase), now),
    connect,
    useUrl,
    close,
  }
}

/** The store as another thread of the process sees it: with connections of its own. */
export function connectPostgresStore(
  { url: firstUrl, port }: PostgresConnection,
  { random = Math.random, onCommit }: Pick<PostgresStoreOptions, 'random' | 'onCommit'> = {},
): Writes & Pick<Store, 'close'> {
  let url = firstUrl
  const pool = createPool(() => url, THREAD_CONNECTIONS)
  const transactions = createTransactions(pool, { random, onCommit })
  const hints = createHints((hint) => port.postMessage({ hint } satisfies ThreadNews))
  port.on('message', ({ hint, url: newUrl }: ThreadNews) => {
    if (newUrl !== undefined) url = newUrl
    if (hint) hints.pass(hint)
  })
  return {
    ...createWrites({ ingest: transactions, ingestConnections: 1, work: transactions, hints }),
    async close() {
      port.close()
      await transactions.close()
    },
  }
}

/** Nothing is asked of a database that was never opened: its tables may be missing. */
function afterOpening(transactions: Transactions, openDatabase: OpenDatabase): Transactions {
  return {
    ...transactions,
    async run(plan, work) {
      await openDatabase()
      return await transactions.run(plan, work)
    },
    async runOne(plan, sql, values) {
      await openDatabase()
      return await transactions.runOne(plan, sql, values)
    },
  }
}

function foldRegularly(transactions: Transactions): () => void {
  const timer = setInterval(() => {
    transactions.run(FOLD, foldCounters).catch(() => {})
    transactions.run(FOLD, foldSeries).catch(() => {})
  }, FOLD_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
