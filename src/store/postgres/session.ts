import { ReceiverError } from '../../errors.ts'
import { isConnectionUsable, type PoolClient } from './driver.ts'

/** Runs one statement and answers its rows. */
export type Query = <Row>(sql: string, values?: readonly unknown[]) => Promise<Row[]>

export interface TransactionPlan {
  /**
   * `on`: the commit waits for the disk (and for synchronous standbys). `off`: for work that would
   * only be done again, should a crash of the server take the newest commits back.
   */
  readonly sync: 'on' | 'off'
  /** After this, the server gives up a statement, and we the connection a second later. */
  readonly timeoutMs: number
  /** Reads one snapshot and writes nothing. Default false. */
  readonly isRead?: boolean
}

/** How long we wait for a server that should have given up the statement by itself. */
export const SILENCE_MS = 1_000

/**
 * Our writes look up a bounded number of rows, each by an index. Left alone, the planner reads a whole
 * table of some 10,000 rows instead, or of millions when a burst has outrun its statistics.
 */
const BY_INDEX = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']

/**
 * Begins a transaction in which every setting that matters is ours, whatever a role or a database has
 * set. They end with it, whoever gets the connection next. All in one statement: each has its price.
 */
export function beginStatement(
  { sync, timeoutMs, isRead }: TransactionPlan,
  schema: string,
): string {
  const mode = isRead
    ? 'ISOLATION LEVEL REPEATABLE READ, READ ONLY'
    : 'ISOLATION LEVEL READ COMMITTED, READ WRITE'
  const settings = [
    ['search_path', `"${schema}", pg_temp`],
    ['statement_timeout', timeoutMs],
    ['lock_timeout', timeoutMs],
    ['idle_in_transaction_session_timeout', timeoutMs + SILENCE_MS],
    ['transaction_timeout', 0],
    ['synchronous_commit', sync],
    ['array_nulls', 'on'],
    ['standard_conforming_strings', 'on'],
    ['bytea_output', 'hex'],
    ['jit', 'off'],
    ...(isRead ? [] : BY_INDEX.map((name) => [name, 'off'])),
  ]
  const rows = settings.map(([name, value]) => `('${name}', '${value}')`)
  // PostgreSQL has transaction_timeout since 17, and takes no name that it does not have.
  return `BEGIN ${mode};
    SELECT count(set_config(name, value, true)) FROM (VALUES ${rows.join(', ')}) AS s (name, value)
    WHERE current_setting(name, true) IS NOT NULL`
}

/** One transaction on one connection. Statements may be sent before those ahead are answered. */
export function createSession(client: PoolClient) {
  const failures: unknown[] = []

  function send(sql: string, values?: readonly unknown[]) {
    const sent = values ? client.query(sql, [...values]) : client.query(sql)
    // Whoever awaits it learns of a failure; until then it must not count as unhandled.
    sent.catch((error: unknown) => failures.push(error))
    return sent
  }

  function rollBack(): Promise<boolean> {
    return client.query('ROLLBACK').then(
      () => true,
      () => false,
    )
  }

  return {
    begin: (sql: string) => send(sql),
    query: async <Row>(sql: string, values: readonly unknown[] = []) =>
      (await send(sql, values)).rows as Row[],
    async commit(): Promise<void> {
      // A transaction in which a statement failed answers ROLLBACK, without an error.
      const { command } = await send('COMMIT')
      if (command !== 'COMMIT') throw new Error('the transaction was rolled back')
    },
    /** Gives the connection back, and answers why the transaction failed. */
    async giveUp(error: unknown): Promise<unknown> {
      // Behind the first failure, every statement that was sent already fails as well.
      const [first] = failures
      const isServerWell = failures.length === 0 || isConnectionUsable(first)
      const hasRolledBack = isServerWell && (await rollBack())
      // A connection that is only ended politely would hold its place until the network gives it up.
      if (!hasRolledBack) client.connection.stream.destroy()
      client.release(!hasRolledBack)
      // Whoever has made it a sentence for people knows better than the server.
      return error instanceof ReceiverError ? error : (first ?? error)
    },
  }
}

/** Thrown within a transaction by whoever does not want it after all. Nothing is wrong. */
export class RolledBack extends Error {}
