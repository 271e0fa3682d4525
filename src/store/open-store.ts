import type { MessagePort } from 'node:worker_threads'
import { connectSqliteStore, openSqliteStore, type SqliteStore } from './sqlite/sqlite-store.ts'
import type { Archive, Store } from './store.ts'

/** Opens the store that the settings name. */
export function openStore(settings: { storeFile: string }): Promise<SqliteStore> {
  return openSqliteStore(settings.storeFile)
}

/** The same store, seen from another thread of this process. */
export function connectStore(port: MessagePort): Omit<Store, keyof Archive> {
  return connectSqliteStore(port)
}
