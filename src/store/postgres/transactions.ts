import { setTimeout as wait } from 'node:timers/promises'
import { ReceiverError } from '../../errors.ts'
import type { StoreCommit } from '../store.ts'
import { isCollision, type Pool, type PoolClient, translateError } from './driver.ts'
import {
  createSession,
  type Query,
  type Session,
  SILENCE_MS,
  type TransactionPlan,
} from './session.ts'

export type { Query, TransactionPlan } from './session.ts'

/** How often a transaction that collided with another is tried again. */
const MAX_RETRIES = 3
const FIRST_RETRY_MS = 20

export interface Transactions {
  /** Commits what `work` did, or nothing. Rejects like the store. */
  run<Result>(plan: TransactionPlan, work: (query: Query) => Promise<Result>): Promise<Result>
  /** One statement in a transaction of its own, in one way to the server and back. */
  runOne<Row>(plan: TransactionPlan, sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** Waits a moment for what is under way, then cuts it off. */
  close(): Promise<void>
}

/** Transactions that keep no state in their connection, as a pooler between requires it. */
export function createTransactions(
  pool: Pool,
  options: {
    random: () => number
    closeMs?: number
    /** Hears of every transaction that wrote. */
    onCommit?: ((commit: StoreCommit) => void) | undefined
    /** Milliseconds of any clock that only goes forward. Default: the platform's. */
    now?: () => number
  },
): Transactions {
  const { random, closeMs = 2_000, onCommit = () => {}, now = () => performance.now() } = options
  const held = new Set<PoolClient>()
  let isClosed = false
  let closing: Promise<void> | undefined

  async function attempt<Result>(
    plan: TransactionPlan,
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    const client = await pool.connect()
    const session = createSession(client)
    held.add(client)
    const cut = () => client.connection.stream.destroy(new Error('no answer in time'))
    const timer = setTimeout(cut, plan.timeoutMs + SILENCE_MS)
    try {
      const result = await work(session)
      client.release()
      return result
    } catch (error) {
      throw await session.giveUp(error)
    } finally {
      clearTimeout(timer)
      held.delete(client)
    }
  }

  async function retry<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let retries = 0; ; retries++) {
      if (isClosed) throw new ReceiverError('store_closed')
      try {
        return await work()
      } catch (error) {
        if (isClosed) throw new ReceiverError('store_closed', { cause: error })
        if (!isCollision(error) || retries === MAX_RETRIES) throw translateError(error)
        await wait(FIRST_RETRY_MS * 2 ** retries * (1 + random()))
      }
    }
  }

  function tell({ sync, isRead }: TransactionPlan, beganAt: number, executedAt: number): void {
    if (isRead) return
    const endedAt = now()
    onCommit({
      isDurable: sync === 'on',
      durationMs: endedAt - beganAt,
      syncMs: endedAt - executedAt,
    })
  }

  async function close(): Promise<void> {
    isClosed = true
    const timer = setTimeout(() => {
      for (const client of held) client.connection.stream.destroy()
    }, closeMs)
    await pool.end()
    clearTimeout(timer)
  }

  return {
    run: (plan, work) =>
      retry(() =>
        attempt(plan, async (session) => {
          const beganAt = now()
          const begun = session.begin(plan)
          const result = await work(session.query)
          await begun
          const executedAt = now()
          await session.commit()
          tell(plan, beganAt, executedAt)
          return result
        }),
      ),
    runOne: <Row>(plan: TransactionPlan, sql: string, values?: readonly unknown[]) =>
      retry(() =>
        attempt(plan, async (session) => {
          const beganAt = now()
          let executedAt = beganAt
          const begun = session.begin(plan)
          const answered = session.query<Row>(sql, values).then((rows) => {
            executedAt = now()
            return rows
          })
          const [, rows] = await Promise.all([begun, answered, session.commit()])
          tell(plan, beganAt, executedAt)
          return rows
        }),
      ),
    close() {
      closing ??= close()
      return closing
    },
  }
}
