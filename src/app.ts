import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { auditReload } from './admin/audit-trail.ts'
import { type AdminServerOptions, createAdminServer } from './admin/create-admin-server.ts'
import { createAdminWork } from './app/admin-work.ts'
import { createClosers } from './app/closers.ts'
import { newBatchId } from './app/new-batch-id.ts'
import { readReadiness } from './app/read-readiness.ts'
import { findRedaction } from './app/redaction.ts'
import type { App, AppParts, Reloader, ReloadOptions, RunningApp } from './app/running-app.ts'
import { startHandlers } from './app/start-handlers.ts'
import { AT_ONCE, GRACEFUL } from './app/stop-plan.ts'
import { takeSettings } from './app/take-settings.ts'
import type { Settings } from './config.ts'
import type { ReceiverError } from './errors.ts'
import type { Guardian } from './guardian/guardian.ts'
import { prepareGuardian } from './guardian/prepare-guardian.ts'
import { createPublicServer, type PublicServer } from './http/create-public-server.ts'
import { readTlsFiles, type TlsPaths } from './http/tls-files.ts'
import type { HandlerRegistration } from './model.ts'
import { createMetrics } from './observe/create-metrics.ts'
import { createObserver } from './observe/create-observer.ts'
import { createMetricsReader } from './observe/read-metrics.ts'
import { createTraces, type Traces } from './observe/traces.ts'
import { PROVIDERS } from './providers/providers.ts'
import { keepTrying } from './store/keep-trying.ts'
import { openStore } from './store/open-store.ts'
import { pruneRegularly } from './store/prune-regularly.ts'
import { rememberStats } from './store/remember-stats.ts'
import { readUsedPercent } from './store/spool/used-percent.ts'
import { createSpool, type Spool } from './store/spool.ts'
import { type GuardedJournal, watchJournal } from './store/watch-journal.ts'

const LEASE_MS = 60_000

/** Puts the receiver together. Nothing else constructs, and nothing here decides. */
export function createApp(parts: AppParts): App {
  const { settings, log, version, env, isBehindBalancer = true, leaseMs = LEASE_MS } = parts
  const now = Date.now
  const sources = settings.sources.map(({ name }) => name)
  const metrics = createMetrics({ version, sources, now })
  const traces = settings.isTraced ? createTraces() : undefined
  const listeners = [metrics.listener, ...(traces ? [traces.listener] : [])]
  const observer = createObserver({ log, now, listeners })
  const receives = settings.role !== 'work'
  const works = settings.role !== 'receive'
  const isShared = settings.storeFile === undefined
  const reloaders: Reloader[] = []
  const stopping = new AbortController()
  const hurry = new AbortController()
  const closers = createClosers(() => (hurry.signal.aborted ? AT_ONCE : GRACEFUL))
  let redaction = findRedaction(settings)
  let recordReload: ((problems: number) => Promise<void>) | undefined
  let isReady = false
  let fail: (error: ReceiverError) => void
  const failed = new Promise<ReceiverError>((resolve) => {
    fail = resolve
  })

  async function start(): Promise<RunningApp> {
    try {
      closers.add(metrics.stop)
      if (traces) await unlessStopped(sendTraces(traces))
      const store = await unlessStopped(open())
      reloaders.push((fresh) => followPassword(store, fresh))
      const journal = await unlessStopped(openJournal(store))
      recordReload = (problems) => auditReload(store, problems)
      if (works) startPruning(store)
      reloaders.push((fresh) => followRedaction(fresh))
      const handlers = await unlessStopped(works ? runHandlers(store) : rememberHandlers(store))
      const guardian = receives ? watchWebhooks(journal) : undefined
      const shown = { registrations: handlers, guardian: guardian?.figures }
      const adminUrl = await unlessStopped(serveAdmin(store, journal, shown))
      const publicUrl = await unlessStopped(serveWebhooks(journal))
      if (guardian) closers.add(() => guardian.stop())
      isReady = true
      await guardian?.start()
      return { publicUrl, adminUrl, handlers: handlers() }
    } catch (error) {
      // What hindered the start is worth more than what hindered its end.
      await (stopping.signal.aborted ? stop() : stopNow()).catch(() => {})
      throw error
    }
  }

  /** A part of the start, after which nothing more is begun when the receiver is to stop. */
  async function unlessStopped<Result>(part: Promise<Result>): Promise<Result> {
    const result = await part
    stopping.signal.throwIfAborted()
    return result
  }

  async function sendTraces(traces: Traces): Promise<void> {
    const onProblem = (detail: string) => observer.tracesFailed({ detail })
    await traces.start({ version, now, onProblem })
    closers.add(({ tracesMs }) => traces.stop(tracesMs))
  }

  async function open(): Promise<OpenStore> {
    const store = await openStore(settings, (text) => log.warn(text), observer.storeCommitted)
    closers.add(() => store.close())
    return store
  }

  /** Of the store, only the way in may change while it is open. */
  function followPassword(store: OpenStore, { storeUrl, storeLabel }: Settings): [] {
    if (storeLabel === settings.storeLabel) store.useUrl(storeUrl)
    return []
  }

  function followRedaction(fresh: Settings): [] {
    redaction = findRedaction(fresh)
    return []
  }

  /** A store that others share may be away while we acknowledge: then batches wait in the spool. */
  async function openJournal(store: OpenStore): Promise<OpenJournal> {
    if (isShared && receives) {
      const directory = join(settings.dataDir, 'spool')
      const spool = createSpool({ shared: store, directory, observer, onBroken: fail, now })
      await spool.start()
      closers.add(({ spoolMs }) => spool.stop({ graceMs: spoolMs }))
      return spool
    }
    const journal = watchJournal(store, { observer, onBroken: fail })
    closers.add(() => journal.stop())
    return journal
  }

  function startPruning(store: OpenStore): void {
    const pruning = pruneRegularly(store, { retention: settings, observer, now })
    closers.add(() => pruning.stop())
  }

  type OpenJournal = GuardedJournal & Partial<Pick<Spool, 'stats' | 'figures' | 'findWaiting'>>
  type OpenStore = Awaited<ReturnType<typeof openStore>>

  function runHandlers(store: OpenStore): Promise<() => readonly HandlerRegistration[]> {
    const parts = { settings, store, env, leaseMs, observer, redaction: () => redaction }
    return startHandlers({ ...parts, closers, reloaders, stopped: stopping.signal })
  }

  /** Where others run the handlers: which there are, for the admin listener. */
  async function rememberHandlers(store: OpenStore): Promise<() => readonly HandlerRegistration[]> {
    let handlers: readonly HandlerRegistration[] = []
    const loading = keepTrying(
      async () => {
        handlers = await store.loadHandlers()
      },
      { isPatient: true, observer },
    )
    closers.add(loading.stop)
    await loading.firstTry
    return () => handlers
  }

  function watchWebhooks(journal: GuardedJournal): Guardian | undefined {
    const isWell = () => readReadiness(isReady, journal).ready
    const { guardian, reload } = prepareGuardian({ settings, isWell, observer, now })
    reloaders.push(reload)
    return guardian
  }

  async function serveAdmin(
    store: OpenStore,
    journal: OpenJournal,
    { registrations, guardian }: Pick<AdminServerOptions, 'registrations' | 'guardian'>,
  ) {
    if (!settings.admin) return undefined
    let shown = settings.sources
    reloaders.push((fresh) => {
      shown = fresh.sources
      return []
    })
    const stats = rememberStats(store.stats, () => performance.now())
    const readMetrics = createMetricsReader({
      metrics,
      stats,
      spool: journal.stats,
      isReady: () => readReadiness(isReady, journal).ready,
      guardian,
      diskUsedPercent: () => readUsedPercent(settings.dataDir),
    })
    const admin = createAdminServer({
      archive: { ...store, stats },
      spool: journal.figures,
      work: createAdminWork({ store, journal, settings, redaction: () => redaction, now }),
      observer,
      metrics: { contentType: metrics.contentType, read: readMetrics },
      registrations,
      guardian,
      sources: () => shown,
      newBatchId: () => newBatchId(now()),
      now,
      version,
      settings: { ...settings.admin, trustProxy: settings.trustProxy },
    })
    closers.add(() => admin.close())
    return (await admin.listen()).url
  }

  /** One that only works has no sources: its listener answers for its health. */
  async function serveWebhooks(journal: GuardedJournal): Promise<string> {
    const findSources = (from: Settings) =>
      new Map((receives ? from.sources : []).map((source) => [source.name, source]))
    let sources = findSources(settings)
    const tls = settings.tls && readTlsFiles(settings.tls)
    const server = createPublicServer({
      sources: () => sources,
      providers: PROVIDERS,
      journal,
      observer,
      now,
      newBatchId: () => newBatchId(now()),
      readiness: () => readReadiness(isReady, journal),
      settings: { ...settings, tls },
    })
    closers.add(({ requestsMs }) => server.close(requestsMs))
    reloaders.push((fresh) => {
      sources = findSources(fresh)
      return []
    })
    reloaders.push((fresh) => {
      if (!tls !== !fresh.tls) return ['HTTPS cannot begin or end without a restart.']
      return fresh.tls ? followTls(server, fresh.tls) : []
    })
    const { url } = await server.listen()
    closers.add(async ({ drainMs }) => {
      const mayBeSent = isReady && isBehindBalancer
      isReady = false
      server.beginDrain()
      if (mayBeSent) await setTimeout(drainMs, undefined, hurry).catch(() => {})
    })
    return url
  }

  /** The files may have changed since they were looked at. */
  function followTls(server: PublicServer, paths: TlsPaths): string[] {
    try {
      server.reloadTls(readTlsFiles(paths))
      return []
    } catch (error) {
      return [`TLS_CERT_FILE, TLS_KEY_FILE: ${error instanceof Error ? error.message : error}`]
    }
  }

  async function reload(fresh: Settings, options: ReloadOptions): Promise<readonly string[]> {
    log.level = fresh.logLevel
    const problems = await takeSettings(reloaders, fresh, options)
    // Settings have to be taken while a shared store is away, too.
    void recordReload?.(problems.length).catch(() => {})
    return problems
  }

  function stop(): Promise<void> {
    stopping.abort()
    return closers.close()
  }

  function stopNow(): Promise<void> {
    hurry.abort()
    return stop()
  }

  return { start, reload, stop, stopNow, failed }
}
