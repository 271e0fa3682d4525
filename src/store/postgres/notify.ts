import { setTimeout as wait } from 'node:timers/promises'
import type { StoreHint } from '../store.ts'
import { createClient, type ReadUrl } from './driver.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const CHANNEL = 'mailtrap_receiver'
const HINTS: readonly StoreHint[] = ['batches', 'jobs', 'erased']

/**
 * Never within a transaction that others wait for: commits that notify run one after the other in
 * the whole database. So hints are sent by themselves, and not more often than this.
 */
const SEND_EVERY_MS = 50
const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 2_000 }

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 30_000

/** Carries hints between those who work on one store: in this thread, beside it, and in other replicas. */
export function createHints(transactions: Pick<Transactions, 'runOne'>) {
  const tellOthers = createSender(transactions)
  const listeners = new Set<(hint: StoreHint) => void>()

  /** Tells everybody here what was told elsewhere. */
  function pass(hint: StoreHint): void {
    for (const listener of listeners) listener(hint)
  }

  return {
    onHint(listener: (hint: StoreHint) => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    /** Tells everybody, and other replicas too. */
    tell(hint: StoreHint): void {
      pass(hint)
      tellOthers(hint)
    },
    pass,
  }
}

/** Sends hints to the other replicas. They are lost while the database is away; polling goes on. */
function createSender(transactions: Pick<Transactions, 'runOne'>): (hint: StoreHint) => void {
  const waiting = new Set<StoreHint>()

  async function send(): Promise<void> {
    const hints = [...waiting]
    waiting.clear()
    const sql = 'SELECT pg_notify($1, hint) FROM unnest($2::text[]) AS hint'
    await transactions.runOne(PLAN, sql, [CHANNEL, hints]).catch(() => {})
  }

  return (hint) => {
    if (waiting.size === 0) setTimeout(send, SEND_EVERY_MS).unref()
    waiting.add(hint)
  }
}

/**
 * Listens for hints of other replicas, on a connection of its own, and opens it again when it is
 * lost. Behind a pooler there is nothing to listen to; polling is correct alone. Answers how to stop.
 */
export function listen(readUrl: ReadUrl, onHint: (hint: StoreHint) => void): () => Promise<void> {
  const stopping = new AbortController()
  const running = run()

  async function run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    while (!stopping.signal.aborted) {
      const isListening = await listenOnce().catch(() => false)
      retryMs = isListening ? FIRST_RETRY_MS : Math.min(2 * retryMs, LAST_RETRY_MS)
      await wait(retryMs, undefined, stopping).catch(() => {})
    }
  }

  /** Resolves when the connection is lost; false when it never listened. */
  async function listenOnce(): Promise<boolean> {
    const client = createClient(readUrl)
    const cut = () => void client.connection.stream.destroy()
    stopping.signal.addEventListener('abort', cut)
    const isLost = new Promise<void>((resolve) => {
      client.on('error', () => resolve())
      client.on('end', () => resolve())
    })
    try {
      await client.connect()
      if (!(await isSession(client))) return false
      client.on('notification', ({ payload }) => {
        const hint = HINTS.find((known) => known === payload)
        if (hint) onHint(hint)
      })
      await client.query(`LISTEN ${CHANNEL}`)
      // What was told before may have been missed.
      for (const hint of HINTS) onHint(hint)
      await isLost
      return true
    } finally {
      stopping.signal.removeEventListener('abort', cut)
      cut()
    }
  }

  return async () => {
    stopping.abort()
    await running
  }
}

/** Whether the server process is our own. A pooler gives another number, and lends us any process. */
async function isSession(client: ReturnType<typeof createClient>): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid === (client as unknown as { processID: number }).processID
}
