import type { MessagePort } from 'node:worker_threads'
import type { PostgresConnection } from './postgres/postgres-store.ts'
import type { Archive, Store, StoreCommit } from './store.ts'

/** Of two engines one is used, and each thread would load both. */
const loadSqlite = () => import('./sqlite/sqlite-store.ts')
const loadPostgres = () => import('./postgres/postgres-store.ts')

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
    const { openSqliteStore } = await loadSqlite()
    const store = await openSqliteStore(storeFile, onCommit)
    return { ...store, connect: () => ({ engine: 'sqlite', port: store.connect() }), useUrl() {} }
  }
  const { openPostgresStore } = await loadPostgres()
  const store = await openPostgresStore(storeUrl, { onWarning, onCommit })
  return { ...store, connect: () => ({ engine: 'postgres', ...store.connect() }) }
}

/**
 * The same store, seen from another thread of this process. `onCommit` hears of transactions that
 * nobody else tells: SQLite's all run in one thread, which tells whoever opened the store.
 */
export async function connectStore(
  connection: StoreConnection,
  onCommit?: (commit: StoreCommit) => void,
): Promise<Omit<Store, keyof Archive | 'wipe'>> {
  if (connection.engine === 'sqlite')
    return (await loadSqlite()).connectSqliteStore(connection.port)
  return (await loadPostgres()).connectPostgresStore(connection, { onCommit })
}
