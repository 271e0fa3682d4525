import { createClickHouseTable } from '../../../../src/handlers/built-in/table/clickhouse-table.ts'
import type { EventTable } from '../../../../src/handlers/built-in/table/event-table.ts'
import { createPostgresTable } from '../../../../src/handlers/built-in/table/postgres-table.ts'
import { findTestServer } from '../../../store/postgres/test-server.ts'
import { CLICKHOUSE, startClickHouse } from './start-clickhouse.ts'

type Values = Readonly<Record<string, unknown>>

/** A server on which tables of events are made. */
export interface TableServer {
  readonly url: string
  open(name: string): EventTable
  /** The rows of a table or view, each id once. */
  read(name: string, columns?: string): Promise<Values[]>
  execute(sql: string): Promise<unknown>
  stop(): Promise<unknown>
}

export interface TableEngine {
  readonly title: string
  /** Undefined where its server is not installed. */
  readonly start: (() => Promise<TableServer>) | undefined
  /** The type of a text column. */
  readonly text: string
}

const postgres = await findTestServer()

export const ENGINES: readonly TableEngine[] = [
  {
    title: 'PostgreSQL',
    text: 'text',
    start:
      postgres &&
      (async () => {
        const url = await postgres.createDatabase()
        return {
          url,
          open: (name) => createPostgresTable({ url, name }),
          read: (name, columns = '*') =>
            postgres.execute<Values>(url, `SELECT ${columns} FROM ${name}`),
          execute: (sql) => postgres.execute(url, sql),
          stop: () => postgres.dropDatabase(url),
        }
      }),
  },
  {
    title: 'ClickHouse',
    text: 'Nullable(String)',
    start:
      CLICKHOUSE === undefined
        ? undefined
        : async () => {
            const server = await startClickHouse()
            return {
              url: server.url,
              open: (name) => createClickHouseTable({ url: server.url, name }),
              read: (name, columns = '*') =>
                server.query<Values>(
                  `SELECT ${columns} FROM ${name}${/_(by|messages|recipients)/.test(name) ? '' : ' FINAL'} FORMAT JSONEachRow`,
                ),
              execute: (sql) => server.query(sql),
              stop: server.stop,
            }
          },
  },
]
