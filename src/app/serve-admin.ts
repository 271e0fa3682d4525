import { type AdminServerOptions, createAdminServer } from '../admin/create-admin-server.ts'
import { createMetricsReader, type Metrics } from '../observe/create-metrics.ts'
import { readUsedPercent } from '../store/spool/spool-disk.ts'
import { createAdminWork } from './admin-work.ts'
import { explainListening } from './explain-listening.ts'
import { newBatchId } from './new-batch-id.ts'
import type { OpenedStore } from './open-store.ts'
import type { Composition } from './running-app.ts'

export interface Shown
  extends Pick<AdminServerOptions, 'registrations' | 'guardian' | 'version' | 'verdict'> {
  readonly metrics: Metrics
  readonly isReady: () => boolean
}

/** Answers with its address; undefined when the settings want no admin listener. */
export async function serveAdmin(
  { store, spool, journal }: Pick<OpenedStore, 'store' | 'spool' | 'journal'>,
  { settings, redaction, observer, closers, reloaders, now }: Composition,
  { metrics, isReady, ...shown }: Shown,
): Promise<string | undefined> {
  const { admin: address } = settings
  if (!address) return undefined
  let { sources } = settings
  reloaders.push((fresh) => {
    sources = fresh.sources
    return []
  })
  const { stats } = store
  const readMetrics = createMetricsReader({
    metrics,
    stats,
    spool: spool?.stats,
    isReady,
    handlers: () => Object.keys(observer.counts().handlers),
    guardian: shown.guardian,
    verdict: shown.verdict,
    diskUsedPercent: () => readUsedPercent(settings.dataDir),
  })
  const admin = createAdminServer({
    ...shown,
    archive: store,
    spool: spool?.figures,
    work: createAdminWork({ store, spool: spool ?? {}, journal, settings, redaction, now }),
    observer,
    metrics: { contentType: metrics.contentType, read: readMetrics },
    sources: () => sources,
    newBatchId: () => newBatchId(now()),
    now,
    store: settings.storeLabel,
    settings: { ...address, trustProxy: settings.trustProxy },
  })
  closers.add('admin listener', () => admin.close())
  const names = { host: 'ADMIN_HOST', port: 'ADMIN_PORT' }
  const { url } = await admin.listen().catch((error: unknown) => {
    throw explainListening(error, { ...address, names })
  })
  return url
}
