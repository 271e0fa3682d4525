import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { reachableName } from '../address.ts'
import { type AdminServerOptions, createAdminServer } from '../admin/create-admin-server.ts'
import { fillEvents } from '../backfill/fill-events.ts'
import type { Settings } from '../config.ts'
import { ReceiverError } from '../errors.ts'
import type { Redaction } from '../model.ts'
import { createMetricsReader, type Metrics } from '../observe/create-metrics.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { createPersonErasing } from '../store/erase-person.ts'
import { describeHeldBack, pruneBy } from '../store/prune-regularly.ts'
import { readUsedPercent } from '../store/spool/spool-folder.ts'
import type { Journal, Store } from '../store/store.ts'
import { hashText } from '../unpack/redact.ts'
import type { OpenedStore } from './attach-store.ts'
import { type Composition, explainListening, follow, newBatchId } from './running-app.ts'

interface Shown
  extends Pick<AdminServerOptions, 'registrations' | 'guardian' | 'version' | 'verdict'> {
  readonly metrics: Metrics
  readonly isReady: () => boolean
}

/** Answers with its address; undefined when the settings want no admin listener. */
export async function serveAdmin(
  { store, spool, journal }: Pick<OpenedStore, 'store' | 'spool' | 'journal'>,
  composition: Composition,
  { metrics, isReady, ...shown }: Shown,
): Promise<string | undefined> {
  const { settings, redaction, observer, closers, now } = composition
  const { admin: address } = settings
  if (!address) return undefined
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
    sources: follow(composition, ({ sources }) =>
      sources.map(({ name, provider }) => ({ name, provider, address: addressOf(settings, name) })),
    ),
    newBatchId: () => newBatchId(now()),
    now,
    elapsedMs: () => performance.now(),
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

/** Where the public listener takes the webhooks of a source. */
function addressOf({ host, port, tls }: Settings, source: string): string | undefined {
  const scheme = tls ? 'https' : 'http'
  return port === 0 ? undefined : `${scheme}://${reachableName(host)}:${port}/webhooks/${source}`
}

/** Part of the composition: what the admin listener can have done. */
function createAdminWork(parts: {
  readonly store: Store
  /** A spool can tell what waits in it. */
  readonly spool: Partial<Pick<Store, 'findWaiting'>>
  readonly journal: Journal
  readonly settings: Settings
  readonly redaction: () => Redaction | undefined
  readonly now: () => number
}): AdminServerOptions['work'] {
  const { store, spool, journal, settings, redaction, now } = parts
  return {
    erase: createPersonErasing({
      store,
      findSpooled: spool.findWaiting,
      spoolDirectory: join(settings.dataDir, 'spool'),
      findPseudonyms(recipient) {
        // Rules may have been taken away since; what was hashed stays so.
        const key = redaction()?.key || settings.redaction.key
        return key ? [hashText(key, recipient)] : []
      },
    }),
    fill: (request) =>
      fillEvents(request, {
        archive: store,
        notes: store,
        journal,
        provider: PROVIDERS.mailtrap,
        newBatchId: () => newBatchId(now()),
        now,
        wait: async (ms) => void (await setTimeout(ms)),
      }),
    async prune(onProgress) {
      const pruned = await pruneBy(store, { retention: settings, clock: now(), onProgress })
      if (typeof pruned === 'number') return pruned
      throw new ReceiverError('clock_doubted', { detail: describeHeldBack(pruned) })
    },
  }
}
