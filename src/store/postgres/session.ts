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

/** One transaction on one connection. Statements may be sent before those ahead are answered. */
export interface Session {
  begin(plan: TransactionPlan): Promise<unknown>
  readonly query: Query
  commit(): Promise<void>
  /** Gives the connection back, and answers why the transaction failed. */
  giveUp(error: unknown): Promise<unknown>
}

export function createSession(client: PoolClient): Session {
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
    begin: ({ sync, timeoutMs, isRead = false }) =>
      // These settings end with the transaction, whoever gets the connection next.
      send(
        `BEGIN${isRead ? ' ISOLATION LEVEL REPEATABLE READ, READ ONLY' : ''};
         SET LOCAL statement_timeout = ${timeoutMs};
         SET LOCAL lock_timeout = ${timeoutMs};
         SET LOCAL idle_in_transaction_session_timeout = ${timeoutMs + SILENCE_MS};
         SET LOCAL synchronous_commit = ${sync}`,
      ),
    query: async <Row>(sql: string, values: readonly unknown[] = []) =>
      (await send(sql, values)).rows as Row[],
    async commit() {
      // A transaction in which a statement failed answers ROLLBACK, without an error.
      const { command } = await send('COMMIT')
      if (command !== 'COMMIT') throw new Error('the transaction was rolled back')
    },
    async giveUp(error) {
      // Behind the first failure, every statement that was sent already fails as well.
      const cause = failures[0] ?? error
      const hasRolledBack = isConnectionUsable(cause) && (await rollBack())
      // A connection that is only ended politely would hold its place until the network gives it up.
      if (!hasRolledBack) client.connection.stream.destroy()
      client.release(!hasRolledBack)
      return cause
    },
  }
}
