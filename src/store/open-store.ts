import type { MessagePort } from 'node:worker_threads'
import {
  connectPostgresStore,
  openPostgresStore,
  type PostgresConnection,
} from './postgres/postgres-store.ts'
import { connectSqliteStore, openSqliteStore } from './sqlite/sqlite-store.ts'
import type { Archive, Store, StoreCommit } from './store.ts'

/** What one thread hands another, so that it can work on the same store; `port` is transferred. */
export type StoreConnection =
  | { readonly engine: 'sqlite'; readonly port: MessagePort }
  | ({ readonly engine: 'postgres' } & PostgresConnection)

export interface OpenedStore extends Store {
  /** For another thread of this process; `connectStore` makes a store of it there. */
  connect(): StoreConnection
  /**
   * Connections are opened with this from now on; those that are open go on. For another password:
   * the database has to be the same. Without meaning for a file.
   */
  useUrl(url: string): void
}

export interface StoreSettings {
  /** Undefined: the store is the PostgreSQL database of `storeUrl`. */
  readonly storeFile: string | undefined
  readonly storeUrl?: string
}

/**
 * Opens the store that the settings name. `onWarning` hears of what an operator should look at,
 * `onCommit` of every transaction.
 */
export async function openStore(
  { storeFile, storeUrl = '' }: StoreSettings,
  onWarning: (text: string) => void = () => {},
  onCommit?: (commit: StoreCommit) => void,
): Promise<OpenedStore> {
  if (storeFile !== undefined) {
    const store = await openSqliteStore(storeFile, onCommit)
    return { ...store, connect: () => ({ engine: 'sqlite', port: store.connect() }), useUrl() {} }
  }
  const store = await openPostgresStore(storeUrl, { onWarning, onCommit })
  return { ...store, connect: () => ({ engine: 'postgres', ...store.connect() }) }
}

/**
 * The same store, seen from another thread of this process. `onCommit` hears of transactions that
 * nobody else tells: SQLite's all run in one thread, which tells whoever opened the store.
 */
export function connectStore(
  connection: StoreConnection,
  onCommit?: (commit: StoreCommit) => void,
): Omit<Store, keyof Archive | 'wipe'> {
  return connection.engine === 'sqlite'
    ? connectSqliteStore(connection.port)
    : connectPostgresStore(connection, { onCommit })
}
