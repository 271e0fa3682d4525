import type { Batch, HashedBody } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import { createBackfilledReader } from '../store/backfilled-span.ts'
import type { Upkeep, WorkStore } from '../store/store.ts'
import { IN_THREAD, ON_SERVER, type Pace } from './turns.ts'
import type { WorkThreadData } from './work-messages.ts'

/** The store as it works in this thread: SQLite's in it, with all that others ask of it. */
export interface ThreadStore {
  readonly work: WorkStore
  readonly readBackfilled: ReturnType<typeof createBackfilledReader>
  readonly pace: Pace
  readonly upkeep: Partial<Upkeep> & { readonly wipe?: (step: never) => unknown }
  /** Only where acknowledging is this thread's affair. */
  readonly append?: (batches: readonly Batch[]) => void
  /** The thread that answers has appended this to the shared store. */
  readonly noteAppended?: (batch: HashedBody) => void
  readonly tidy: () => boolean
  readonly useUrl: (url: string) => void
  readonly close: () => unknown
}

const MERGE_MS = 4
const now = () => performance.now()

/** Loads only the engine that it opens: the other one's driver costs a start 50 ms. */
export function openThreadStore(
  store: WorkThreadData['store'],
  observer: Observer,
): Promise<ThreadStore> {
  return store.engine === 'sqlite'
    ? openSqlite(store.file, observer)
    : openPostgres(store.url, observer)
}

async function openSqlite(file: string, observer: Observer): Promise<ThreadStore> {
  const { openSqliteEngine } = await import('../store/sqlite/engine.ts')
  const engine = await openSqliteEngine(file, { ...tellers(observer), waitsForLock: true })
  return {
    work: engine,
    readBackfilled: createBackfilledReader(engine.readNote, now),
    pace: IN_THREAD,
    upkeep: engine,
    append: engine.append,
    tidy: () => {
      engine.checkpointIfDue()
      return engine.mergeKeys(MERGE_MS)
    },
    useUrl() {},
    close: engine.close,
  }
}

async function openPostgres(url: string, observer: Observer): Promise<ThreadStore> {
  const { openPostgresEngine } = await import('../store/postgres/engine.ts')
  const engine = await openPostgresEngine(url, { ...tellers(observer), part: 'work' })
  return {
    work: engine,
    readBackfilled: createBackfilledReader(engine.readNote, now),
    pace: ON_SERVER,
    upkeep: {},
    noteAppended: engine.noteAppended,
    tidy: () => false,
    useUrl: engine.useUrl,
    close: engine.close,
  }
}

function tellers({ storeCommitted, storeWarned }: Observer) {
  return {
    onCommit: storeCommitted,
    onWarning: (detail: string) => storeWarned({ detail }),
  }
}
