import { setTimeout } from 'node:timers/promises'
import { attachStore, readReadiness } from './app/attach-store.ts'
import { createObserving, watchCauses, watchWebhooks } from './app/observing.ts'
import { findRedaction, rememberHandlers } from './app/run-handlers.ts'
import {
  type App,
  type AppParts,
  type Composition,
  follow,
  type ReloadOptions,
  type RunningApp,
  takeSettings,
} from './app/running-app.ts'
import { createStopping } from './app/stopping.ts'
import type { Settings } from './config.ts'
import type { ReceiverError } from './errors.ts'

const LEASE_MS = 60_000

/** Half of what there is to load: beside the threads, which need none of it. */
async function loadListeners() {
  const [admin, webhooks, audit] = await Promise.all([
    import('./app/serve-admin.ts'),
    import('./app/serve-webhooks.ts'),
    import('./admin/audit-trail.ts'),
  ])
  return { ...admin, ...webhooks, ...audit }
}

/** Puts the receiver together. Nothing else constructs, and nothing here decides. */
export function createApp(parts: AppParts): App {
  const { settings, log, version, env, isBehindBalancer = true, followsCode = false } = parts
  const { leaseMs = LEASE_MS, now = Date.now, lookEveryMs } = parts
  const receives = settings.role !== 'work'
  const { closers, hurry, unlessStopped, isStopping, stop, stopNow, afterFailure } = createStopping(
    (parts) => log.error({ parts }, 'stop cut off'),
  )
  const reloaders: Composition['reloaders'] = []
  const { observer, metrics, watch, startTraces } = createObserving({ ...parts, now })
  const redaction = follow({ settings, reloaders }, findRedaction)
  const live = { observer, closers, reloaders, now }
  const shared: Composition = { settings, env, followsCode, receives, redaction, ...live }
  let recordReload: ((problems: number) => Promise<void>) | undefined
  let isReady = false
  let fail: (error: ReceiverError) => void
  const failed = new Promise<ReceiverError>((resolve) => {
    fail = resolve
  })

  /** Handlers are loaded beside the listeners, which wait for nobody's module. */
  async function start(): Promise<RunningApp> {
    try {
      closers.add('metrics', metrics.stop)
      await unlessStopped(startTraces(closers))
      const opening = attachStore({ ...shared, leaseMs, onBroken: fail })
      const loading = loadListeners()
      const opened = await unlessStopped(opening)
      const { store, work, journal, handlersStarted } = opened
      const { auditReload, serveAdmin, serveWebhooks } = await unlessStopped(loading)
      const readiness = () => readReadiness(stage(), opened)
      const isWell = () => readiness().ready
      recordReload = (problems) => auditReload(store, problems)
      const guardian = await unlessStopped(watchWebhooks(shared, isWell))
      const figures = guardian?.figures
      const seen = { watch, readiness, guardian: figures, lookEveryMs }
      const alerts = watchCauses(opened, shared, seen)
      const registrations = work ? work.registrations : await rememberHandlers(store, shared)
      const shown = { registrations, guardian: figures, version, verdict: alerts.verdict }
      const adminUrl = await unlessStopped(
        serveAdmin(opened, shared, { ...shown, metrics, isReady: isWell }),
      )
      const { server, url } = await unlessStopped(serveWebhooks(shared, { journal, readiness }))
      closers.add('load balancers', async ({ drainMs }) => {
        const mayBeSent = isReady && isBehindBalancer
        isReady = false
        server.refuseKeepAlive()
        if (mayBeSent) await setTimeout(drainMs, undefined, { signal: hurry }).catch(() => {})
      })
      if (handlersStarted) await unlessStopped(handlersStarted())
      if (guardian) closers.add('guardian', () => guardian.stop())
      isReady = true
      await guardian?.start()
      alerts.start()
      closers.add('alerts', alerts.stop)
      return { publicUrl: url, adminUrl, handlers: registrations() }
    } catch (error) {
      await afterFailure()
      throw error
    }
  }

  const stage = () => (isReady ? 'ok' : isStopping() ? 'stopping' : 'starting')

  async function reload(fresh: Settings, options: ReloadOptions): Promise<readonly string[]> {
    log.level = fresh.logLevel
    const problems = await takeSettings(reloaders, fresh, options)
    // Settings have to be taken while a shared store is away, too.
    if (options.isAudited !== false) void recordReload?.(problems.length).catch(() => {})
    return problems
  }

  return { start, reload, stop, stopNow, failed }
}
