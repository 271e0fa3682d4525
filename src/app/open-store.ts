import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { createArchive } from '../store/archive/archive.ts'
import { watchTransactions } from '../store/archive/health.ts'
import { rememberStats } from '../store/archive/stats.ts'
import { describeFileSystem, folderOfStore } from '../store/inspect-store.ts'
import { createSpool, type Spool } from '../store/spool.ts'
import { wipeFile } from '../store/sqlite/wipe.ts'
import type { Archive, Journal, Promised, Store, Upkeep } from '../store/store.ts'
import { keysOfEventId } from '../unpack/key.ts'
import { startWorkThread, type WorkThread } from '../work/start-work-thread.ts'

/** A journal that knows how it is. */
export interface GuardedJournal extends Journal {
  /** `ok`, or what is wrong. */
  state(): string
  /** False while nothing could be kept. */
  canAcknowledge(): boolean
}

export interface StoreParts {
  readonly storeFile: string | undefined
  readonly storeUrl: string
  readonly dataDir: string
  readonly receives: boolean
  readonly works: boolean
  readonly leaseMs: number
  readonly observer: Observer
  readonly onBroken: (error: ReceiverError) => void
  /** It can be asked from now on, while the rest of the store is opened. */
  readonly onWork: (work: WorkThread) => void
  readonly now: () => number
}

export interface OpenedStore {
  readonly store: Store
  readonly journal: GuardedJournal
  /** Undefined where batches go straight to the store, or none come. */
  readonly spool: Spool | undefined
  /** Undefined where others unpack and run handlers. */
  readonly work: WorkThread | undefined
  /** Connections are opened with this from now on; for another password. */
  useUrl(url: string): void
  /** Drains the spool for so long. */
  stopJournal(graceMs: number): Promise<void>
}

/** Opens the store that the settings name, in whichever threads it works. */
export async function openStore(parts: StoreParts): Promise<OpenedStore> {
  const { storeFile, receives } = parts
  const opened =
    storeFile === undefined ? await openShared(parts) : await openFile(parts, storeFile)
  if (storeFile !== undefined || receives) await warnOfFolder(parts)
  const { store } = opened
  // The page, Prometheus and what watches for causes all ask for them again and again.
  const stats = rememberStats(store.stats, () => performance.now())
  return { ...opened, store: { ...store, stats } }
}

/** What people and time ask of a store, wherever it is done. */
const UPKEEP: Readonly<Record<keyof Upkeep, true>> = {
  replay: true,
  hasten: true,
  discard: true,
  setPaused: true,
  requeue: true,
  prune: true,
  readTime: true,
  erase: true,
  recordAudit: true,
  readNote: true,
  writeNote: true,
}

/** Each operation of `Upkeep` by one call. */
function askEach(
  ask: (operation: keyof Upkeep, given: readonly unknown[]) => Promise<unknown>,
): Promised<Upkeep> {
  const entries = (Object.keys(UPKEEP) as (keyof Upkeep)[]).map((operation) => [
    operation,
    (...given: readonly unknown[]) => ask(operation, given),
  ])
  return Object.fromEntries(entries)
}

/** The same words as doctor's. */
async function warnOfFolder({ observer, ...places }: StoreParts): Promise<void> {
  const folder = folderOfStore(places)
  const { type } = await statfs(folder)
  for (const detail of describeFileSystem(folder, type)) observer.storeWarned({ detail })
}

/** One process has the file: the work thread writes, a reader's thread reads for people. */
async function openFile(
  { leaseMs, observer, onBroken, onWork }: StoreParts,
  file: string,
): Promise<OpenedStore> {
  const data = { store: { engine: 'sqlite', file }, leaseMs } as const
  const starting = startWorkThread(data, { observer, onBroken })
  const [work, { openReader }] = await Promise.all([starting, import('../store/sqlite/reader.ts')])
  onWork(work)
  const reader = await openReader(file, (id) => keysOfEventId(PROVIDERS, id)).catch(
    async (error: unknown) => {
      await work.stop()
      throw error
    },
  )
  const upkeep = askEach((operation, given) => work.ask(operation, ...given))
  const store: Store = {
    ...reader,
    append: work.append,
    ...upkeep,
    erase: eraseEverywhere(upkeep.erase, work),
    loadHandlers: () => work.ask('loadHandlers'),
    probe: () => work.ask('probe'),
    wipe: (traces) => wipeFile(file, traces, (step) => work.ask('wipe', step)),
    async close() {
      await reader.close()
      await work.stop()
    },
  }
  const failure = () => work.health().failure
  const journal: GuardedJournal = {
    append: work.append,
    canAcknowledge: () => failure() === undefined,
    state: () => failure()?.code ?? 'ok',
  }
  return { store, journal, spool: undefined, work, useUrl() {}, async stopJournal() {} }
}

/** Several processes share the database: each thread of ours has connections of its own. */
async function openShared(parts: StoreParts): Promise<OpenedStore> {
  const { storeUrl, dataDir, receives, works, leaseMs, observer, onBroken, onWork, now } = parts
  const { openPostgresEngine } = await import('../store/postgres/engine.ts')
  const onWarning = (detail: string) => observer.storeWarned({ detail })
  const engine = await openPostgresEngine(storeUrl, {
    onWarning,
    onBackgroundFailure: (detail) => observer.upkeepFailed({ detail }),
    onBackgroundRecovered: observer.upkeepRecovered,
    onCommit: observer.storeCommitted,
    part: 'ingest',
  })
  const data = { store: { engine: 'postgres', url: storeUrl }, leaseMs } as const
  const work = works ? await startWorkThread(data, { observer, onBroken }) : undefined
  if (work) onWork(work)
  const archive: Archive = createArchive({
    ...engine.reading,
    engine: 'postgres',
    now,
    keysOf: (id) => keysOfEventId(PROVIDERS, id),
  })
  const upkeep = askEach(async (operation, given) => {
    const ask = engine[operation] as (...given: readonly unknown[]) => unknown
    return await ask(...given)
  })
  const store: Store = {
    ...archive,
    append: engine.append,
    ...upkeep,
    erase: eraseEverywhere(upkeep.erase, work),
    loadHandlers: async () => await engine.loadHandlers(),
    probe: async () => await engine.probe(),
    // What is left of deleted rows is the server's affair: VACUUM, its log, its back-ups.
    wipe: async () => true,
    async close() {
      stopWatching()
      await work?.stop()
      await engine.close()
    },
  }
  const stopWatching = watchTransactions(archive, { observer })
  const spool = receives ? await openSpool(store, join(dataDir, 'spool'), parts) : undefined
  const journal: GuardedJournal = spool
    ? {
        ...spool,
        async append(batch) {
          await spool.append(batch)
          work?.tellBatches()
        },
      }
    : { append: store.append, canAcknowledge: () => true, state: () => 'ok' }
  return {
    store,
    journal,
    spool,
    work,
    useUrl(url) {
      engine.useUrl(url)
      void work?.ask('useUrl', url)
    },
    stopJournal: async (graceMs) => await spool?.stop({ graceMs }),
  }
}

/** At its end no handler of this process begins with what was erased. Other replicas are told of it. */
function eraseEverywhere(erase: Store['erase'], work: WorkThread | undefined): Store['erase'] {
  return async (request) => {
    const receipt = await erase(request)
    if (receipt.after === undefined) await work?.ask('dropErased')
    return receipt
  }
}

async function openSpool(
  shared: Store,
  directory: string,
  { observer, onBroken, now }: StoreParts,
): Promise<Spool> {
  const spool = createSpool({ shared, directory, observer, onBroken, now })
  await spool.start()
  return spool
}
