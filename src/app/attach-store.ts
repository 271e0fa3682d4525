import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { ReceiverError } from '../errors.ts'
import { PROVIDERS } from '../providers/providers.ts'
import type { Readiness } from '../receive/create-public-server.ts'
import { createArchive } from '../store/archive/archive.ts'
import { watchTransactions } from '../store/archive/health.ts'
import { rememberStats } from '../store/archive/stats.ts'
import { describeFileSystem, folderOfStore } from '../store/inspect-store.ts'
import { pruneRegularly } from '../store/prune-regularly.ts'
import { createSpool, type Spool } from '../store/spool.ts'
import { wipeFile } from '../store/sqlite/wipe.ts'
import type { Journal, Promised, Store, Upkeep } from '../store/store.ts'
import { keysOfEventId } from '../unpack/key.ts'
import { startWorkThread, type WorkThread } from '../work/start-work-thread.ts'
import { type HandlersStart, startHandlers } from './run-handlers.ts'
import type { Composition } from './running-app.ts'

/** A journal that knows how it is. */
interface GuardedJournal extends Journal {
  /** `ok`, or what is wrong. */
  state(): string
  /** False while nothing could be kept. */
  canAcknowledge(): boolean
}

interface Opening extends Composition {
  readonly leaseMs: number
  readonly onBroken: (error: ReceiverError) => void
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

/** Opens the store as part of what is stopped and reloaded; whoever works prunes it and runs handlers. */
export async function attachStore(
  opening: Opening,
): Promise<OpenedStore & { readonly handlersStarted: HandlersStart['whenStarted'] | undefined }> {
  const { settings, receives, observer, closers, reloaders, now } = opening
  const { storeFile, storeLabel, role } = settings
  let handlers: HandlersStart | undefined
  // It can be asked from now on, while the rest of the store is opened.
  const onWork = (work: WorkThread) => {
    handlers = startHandlers(work, opening)
  }
  const works = role !== 'receive'
  const opened =
    storeFile === undefined
      ? await openShared(opening, works ? onWork : undefined)
      : await openFile(opening, storeFile, onWork)
  if (storeFile !== undefined || receives) await warnOfFolder(opening)
  // The page, Prometheus and what watches for causes all ask for them again and again.
  const stats = rememberStats(opened.store.stats, () => performance.now())
  const store = { ...opened.store, stats }
  closers.add('store', () => store.close())
  closers.add('spool', ({ spoolMs }) => opened.stopJournal(spoolMs))
  // Of the store, only the way in may change while it is open.
  reloaders.push((fresh) => {
    if (fresh.storeLabel === storeLabel) opened.useUrl(fresh.storeUrl)
    return []
  })
  if (works) {
    const pruning = pruneRegularly(store, { retention: settings, observer, now })
    closers.add('pruning', () => pruning.stop())
    if (handlers) closers.add('handlers', handlers.stop)
  }
  return { ...opened, store, handlersStarted: handlers?.whenStarted }
}

/** The same words as doctor's. */
async function warnOfFolder({ observer, settings }: Opening): Promise<void> {
  const folder = folderOfStore(settings)
  const { type } = await statfs(folder)
  for (const detail of describeFileSystem(folder, type)) observer.storeWarned({ detail })
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

/** One process has the file: the work thread writes, a reader's thread reads for people. */
async function openFile(
  { leaseMs, observer, onBroken }: Opening,
  file: string,
  onWork: (work: WorkThread) => void,
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
  const asked = Object.keys(UPKEEP).map((operation) => {
    return [operation, (...given: readonly unknown[]) => work.ask(operation, ...given)]
  })
  const upkeep: Promised<Upkeep> = Object.fromEntries(asked)
  const store: Store = {
    ...reader,
    ...upkeep,
    append: work.append,
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
async function openShared(
  { settings, receives, leaseMs, observer, onBroken, now }: Opening,
  onWork: ((work: WorkThread) => void) | undefined,
): Promise<OpenedStore> {
  const { storeUrl, dataDir } = settings
  const { openPostgresEngine } = await import('../store/postgres/engine.ts')
  const engine = await openPostgresEngine(storeUrl, {
    onWarning: (detail) => observer.storeWarned({ detail }),
    onBackgroundFailure: (detail) => observer.upkeepFailed({ detail }),
    onBackgroundRecovered: observer.upkeepRecovered,
    onCommit: observer.storeCommitted,
    part: 'ingest',
  })
  const data = { store: { engine: 'postgres', url: storeUrl }, leaseMs } as const
  const work = onWork ? await startWorkThread(data, { observer, onBroken }) : undefined
  if (work) onWork?.(work)
  const archive = createArchive({
    inSnapshot: engine.inSnapshot,
    engine: 'postgres',
    now,
    keysOf: (id) => keysOfEventId(PROVIDERS, id),
  })
  const stopWatching = watchTransactions(archive, { observer })
  const store: Store = {
    ...engine,
    ...archive,
    erase: eraseEverywhere(engine.erase, work),
    // What is left of deleted rows is the server's affair: VACUUM, its log, its back-ups.
    wipe: async () => true,
    async close() {
      stopWatching()
      await work?.stop()
      await engine.close()
    },
  }
  const directory = join(dataDir, 'spool')
  const spool = receives
    ? createSpool({ shared: store, directory, observer, onBroken, now })
    : undefined
  await spool?.start()
  const journal: GuardedJournal = spool
    ? {
        ...spool,
        async append(batch) {
          // One that is spooled may still be on its way to the store, with the body that would move.
          if (await spool.append(batch)) work?.tellAppended(batch)
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

/**
 * Whether a batch that came now would be acknowledged, and what was looked at. A handler that cannot
 * run hinders no acknowledgement; its name is not for everybody.
 */
export function readReadiness(
  receiver: 'starting' | 'ok' | 'stopping',
  { journal, work }: Pick<OpenedStore, 'journal' | 'work'>,
): Readiness {
  const checks = {
    receiver,
    store: journal.state(),
    ...(work && { handlers: describeBroken(work.broken()) }),
  }
  return { ready: receiver === 'ok' && journal.canAcknowledge(), checks }
}

function describeBroken(count: number): string {
  if (count === 0) return 'ok'
  return count === 1
    ? 'degraded: 1 cannot run, its events wait'
    : `degraded: ${count} cannot run, their events wait`
}
