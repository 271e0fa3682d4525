import { setTimeout as wait } from 'node:timers/promises'
import { ReceiverError } from '../../errors.ts'
import type { ArchivePort } from '../archive/port.ts'
import type { Steps } from '../steps.ts'
import type { StoreCommit } from '../store.ts'
import {
  createPool,
  isCollision,
  isNumberingWrong,
  type PoolClient,
  type ReadUrl,
  readAddress,
  translateError,
} from './driver.ts'
import {
  beginStatement,
  createSession,
  type Query,
  RolledBack,
  SILENCE_MS,
  type TransactionPlan,
} from './session.ts'

export { type Query, RolledBack, type TransactionPlan } from './session.ts'

type Session = ReturnType<typeof createSession>

/** How often a transaction that collided with another is tried again. */
const MAX_RETRIES = 3
const FIRST_RETRY_MS = 20
/** So long what is under way may take, once it is closed. */
const CLOSE_MS = 2_000

export interface Transactions {
  /** Commits what `work` did, or nothing. Rejects like the store. */
  run<Result>(plan: TransactionPlan, work: (query: Query) => Promise<Result>): Promise<Result>
  /** One statement in a transaction of its own, in one way to the server and back. */
  runOne<Row>(plan: TransactionPlan, sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** The schema in which everything is. */
  readonly schema: string
  /** Waits a moment for what is under way, then cuts it off. */
  close(): Promise<void>
}

interface TransactionOptions {
  /** At most so many at once. */
  readonly connections: number
  readonly random: () => number
  /** A number that should have been new was not. */
  readonly onNumberingWrong?: () => void
  /** A connection was lost: the server may have ended, and with it what it had not yet written down. */
  readonly onConnectionLost?: () => void
  /** Hears of every transaction that wrote. */
  readonly onCommit?: ((commit: StoreCommit) => void) | undefined
}

/**
 * Transactions on a pool of their own, that keep no state in their connection, as a pooler between
 * requires it. The schema is that of the first URL, whatever a later one says.
 */
export function createTransactions(readUrl: ReadUrl, options: TransactionOptions): Transactions {
  const { onCommit = () => {} } = options
  const { schema } = readAddress(readUrl())
  const attempts = createAttempts(readUrl, options)
  const statements = new Map<TransactionPlan, string>()

  function begin(plan: TransactionPlan, session: Session): Promise<unknown> {
    const sql = statements.get(plan) ?? beginStatement(plan, schema)
    statements.set(plan, sql)
    return session.begin(sql)
  }

  function transact<Result>(
    plan: TransactionPlan,
    work: (query: Query) => Promise<Result>,
    commitsAtOnce: boolean,
  ): Promise<Result> {
    return attempts.make(plan, async (session) => {
      const beganAt = performance.now()
      let executedAt = beganAt
      const begun = begin(plan, session)
      const done = work(session.query).then((result) => {
        executedAt = performance.now()
        return result
      })
      if (!commitsAtOnce) await done
      const [result] = await Promise.all([done, begun, session.commit()])
      const endedAt = performance.now()
      const times = { durationMs: endedAt - beganAt, syncMs: endedAt - executedAt }
      if (!plan.isRead) onCommit({ isDurable: plan.sync === 'on', ...times })
      return result
    })
  }

  return {
    schema,
    run: (plan, work) => transact(plan, work, false),
    runOne: <Row>(plan: TransactionPlan, sql: string, values?: readonly unknown[]) =>
      transact(plan, (query) => query<Row>(sql, values), true),
    close: attempts.close,
  }
}

/** Work on a connection of a pool, again and again while it collides with that of others. */
function createAttempts(readUrl: ReadUrl, options: TransactionOptions) {
  const { random, connections, onNumberingWrong } = options
  const pool = createPool(readUrl, connections, options.onConnectionLost ?? (() => {}))
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

  async function close(): Promise<void> {
    isClosed = true
    const timer = setTimeout(() => {
      for (const client of held) client.connection.stream.destroy()
    }, CLOSE_MS)
    await pool.end()
    clearTimeout(timer)
  }

  return {
    async make<Result>(...given: Parameters<typeof attempt<Result>>): Promise<Result> {
      for (let retries = 0; ; retries++) {
        if (isClosed) throw new ReceiverError('store_closed')
        try {
          return await attempt(...given)
        } catch (error) {
          if (isClosed) throw new ReceiverError('store_closed', { cause: error })
          if (error instanceof RolledBack) throw error
          if (isNumberingWrong(error)) onNumberingWrong?.()
          if (!isCollision(error) || retries === MAX_RETRIES) throw translateError(error)
          await wait(FIRST_RETRY_MS * 2 ** retries * (1 + random()))
        }
      }
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** A search that takes longer would keep vacuum from its work, and nobody waits for it. */
const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 10_000, isRead: true }

/** How people's reads reach the database. */
export const snapshotsOf =
  (transactions: Transactions): ArchivePort['inSnapshot'] =>
  (begin) =>
    transactions.run(PLAN, (query) => takeSteps(query, begin()))

/** Takes steps within a transaction. What is asked for many is sent together. */
export async function takeSteps<Result>(query: Query, steps: Steps<Result>): Promise<Result> {
  let step = steps.next([])
  while (!step.done) {
    const { sql, lists } = step.value
    const answers = await Promise.all(lists.map((values) => query(numberMarks(sql), values)))
    step = steps.next(answers.at(-1) ?? [])
  }
  return step.value
}

const numbered = new Map<string, string>()
/** Searches differ in a few conditions; there are not many more. */
const MOST_NUMBERED = 500

/** `?` stands for a value; texts in quotes stay as they are. */
function numberMarks(sql: string): string {
  const known = numbered.get(sql)
  if (known !== undefined) return known
  let n = 0
  const text = sql.replace(/'(?:[^']|'')*'|\?/g, (part) => (part === '?' ? `$${++n}` : part))
  if (numbered.size >= MOST_NUMBERED) numbered.clear()
  numbered.set(sql, text)
  return text
}
