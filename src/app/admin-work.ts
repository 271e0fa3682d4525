import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { AdminServerOptions } from '../admin/create-admin-server.ts'
import { fillEvents } from '../backfill/fill-events.ts'
import type { Settings } from '../config.ts'
import { ReceiverError } from '../errors.ts'
import type { Redaction } from '../model.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { createPersonErasing } from '../store/erase-person.ts'
import { describeHeldBack, pruneBy } from '../store/prune-regularly.ts'
import type { Journal, Store } from '../store/store.ts'
import { hashText } from '../unpack/redact.ts'
import { newBatchId } from './new-batch-id.ts'

/** Part of the composition: what the admin listener can have done. */
export function createAdminWork(parts: {
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
