import type { ReceiverError } from '../errors.ts'
import { pruneRegularly } from '../store/prune-regularly.ts'
import { type OpenedStore, openStore } from './open-store.ts'
import type { Composition } from './running-app.ts'

/** Opens the store as part of what is stopped and reloaded; whoever works prunes it, too. */
export async function attachStore(
  { settings, receives, observer, closers, reloaders, now }: Composition,
  more: { readonly leaseMs: number; readonly onBroken: (error: ReceiverError) => void },
): Promise<OpenedStore> {
  const { storeFile, storeUrl, storeLabel, dataDir, role } = settings
  const works = role !== 'receive'
  const places = { storeFile, storeUrl, dataDir }
  const opened = await openStore({ ...places, ...more, receives, works, observer, now })
  closers.add(() => opened.store.close())
  closers.add(({ spoolMs }) => opened.stopJournal(spoolMs))
  // Of the store, only the way in may change while it is open.
  reloaders.push((fresh) => {
    if (fresh.storeLabel === storeLabel) opened.useUrl(fresh.storeUrl)
    return []
  })
  if (!works) return opened
  const pruning = pruneRegularly(opened.store, { retention: settings, observer, now })
  closers.add(() => pruning.stop())
  return opened
}
