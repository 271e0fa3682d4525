import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createArchive } from '../../src/store/archive/archive.ts'
import { openDriver } from '../../src/store/sqlite/driver.ts'
import {
  type EngineOptions,
  openSqliteEngine,
  type SqliteEngine,
} from '../../src/store/sqlite/engine.ts'
import { createReadPort } from '../../src/store/sqlite/reader.ts'
import { sampleKey } from './sample-rows.ts'
import type { ContractStore, StoreHarness } from './store-harness.ts'

/** The engine, and an archive that reads on a connection of its own, in the same thread. */
export interface SqliteStore extends Omit<ContractStore, keyof SqliteEngine>, SqliteEngine {
  readonly directory: string
  readonly file: string
}

const DATABASE = 'receiver.db'

export const newDirectory = () => mkdtempSync(join(tmpdir(), 'receiver-store-'))
export const removeDirectory = (directory: string) =>
  rmSync(directory, { recursive: true, force: true })

export async function openSqliteStore(
  directory = newDirectory(),
  options: EngineOptions = {},
): Promise<SqliteStore> {
  const file = join(directory, DATABASE)
  const engine = await openSqliteEngine(file, options)
  const db = await openDriver(file, { isReadOnly: true })
  const port = createReadPort(db, {
    now: options.now ?? Date.now,
    keysOf: (eventId) => [sampleKey(eventId)],
  })
  return {
    ...engine,
    directory,
    file,
    archive: createArchive(port),
    close() {
      if (db.isOpen) db.close()
      engine.close()
    },
  }
}

const directoryOf = (store: ContractStore): string => (store as SqliteStore).directory

export const sqliteHarness: StoreHarness = {
  keepsLeases: false,
  open: () => openSqliteStore(),
  async reopen(store) {
    await store.close()
    return openSqliteStore(directoryOf(store))
  },
  async crash(store) {
    // The database and its log, as a process that is killed at this moment leaves them.
    const directory = newDirectory()
    for (const file of [DATABASE, `${DATABASE}-wal`]) {
      const left = join(directoryOf(store), file)
      if (existsSync(left)) copyFileSync(left, join(directory, file))
    }
    await sqliteHarness.dispose(store)
    return openSqliteStore(directory)
  },
  async dispose(store) {
    await store.close()
    removeDirectory(directoryOf(store))
  },
}
