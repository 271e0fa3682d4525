import { join } from 'node:path'
import type { AdminServerOptions } from '../admin/create-admin-server.ts'
import type { Settings } from '../config.ts'
import type { Redaction } from '../model.ts'
import { createPersonErasing } from '../store/erase-person.ts'
import { pruneAll, readLimits } from '../store/prune-regularly.ts'
import type { Store } from '../store/store.ts'
import { hashText } from '../unpack/redact.ts'

/** Part of the composition: what the admin listener can have done. */
export function createAdminWork(parts: {
  readonly store: Store
  /** A spool can tell what waits in it. */
  readonly journal: Partial<Pick<Store, 'findWaiting'>>
  readonly settings: Settings
  readonly redaction: () => Redaction | undefined
  readonly now: () => number
}): AdminServerOptions['work'] {
  const { store, journal, settings, redaction, now } = parts
  return {
    erase: createPersonErasing({
      store,
      findSpooled: journal.findWaiting,
      spoolDirectory: join(settings.dataDir, 'spool'),
      findPseudonyms(recipient) {
        // Rules may have been taken away since; what was hashed stays so.
        const key = redaction()?.key || settings.redaction.key
        return key ? [hashText(key, recipient)] : []
      },
    }),
    prune: (onProgress) => pruneAll(store, readLimits(settings, now()), { onProgress }),
  }
}
