import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../src/store/open-store.ts'
import { type CrashHarness, describeStoreModel } from './store.model.ts'

const directories = new WeakMap<object, string>()

async function openIn(directory: string) {
  const store = await openStore({ storeFile: join(directory, 'receiver.db') })
  directories.set(store, directory)
  return store
}

const newDirectory = () => mkdtempSync(join(tmpdir(), 'receiver-model-'))

/** The database and its log, as a process that is killed at this moment leaves them. */
function copyFiles(from: string, to: string): void {
  for (const file of ['receiver.db', 'receiver.db-wal']) {
    if (existsSync(join(from, file))) copyFileSync(join(from, file), join(to, file))
  }
}

const harness: CrashHarness = {
  keepsLeases: false,
  open: () => openIn(newDirectory()),
  async crash(store) {
    const directory = newDirectory()
    copyFiles(directories.get(store) ?? '', directory)
    await harness.dispose(store)
    return openIn(directory)
  },
  async dispose(store) {
    await store.close()
    rmSync(directories.get(store) ?? '', { recursive: true, force: true })
  },
}

describeStoreModel('SQLite', harness)
