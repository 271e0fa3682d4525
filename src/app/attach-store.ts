import type { ReceiverError } from '../errors.ts'
import type { Readiness } from '../receive/create-public-server.ts'
import { pruneRegularly } from '../store/prune-regularly.ts'
import type { WorkThread } from '../work/start-work-thread.ts'
import { type OpenedStore, openStore } from './open-store.ts'
import { type HandlersStart, startHandlers } from './run-handlers.ts'
import type { Composition } from './running-app.ts'

/** Opens the store as part of what is stopped and reloaded; whoever works prunes it and runs handlers. */
export async function attachStore(
  composition: Composition,
  more: { readonly leaseMs: number; readonly onBroken: (error: ReceiverError) => void },
): Promise<OpenedStore & { readonly handlersStarted: HandlersStart['whenStarted'] | undefined }> {
  const { settings, receives, observer, closers, reloaders, now } = composition
  const { storeFile, storeUrl, storeLabel, dataDir, role } = settings
  const works = role !== 'receive'
  const places = { storeFile, storeUrl, dataDir }
  let handlers: HandlersStart | undefined
  const onWork = (work: WorkThread) => {
    handlers = startHandlers(work, composition)
  }
  const opened = await openStore({ ...places, ...more, receives, works, observer, now, onWork })
  closers.add('store', () => opened.store.close())
  closers.add('spool', ({ spoolMs }) => opened.stopJournal(spoolMs))
  // Of the store, only the way in may change while it is open.
  reloaders.push((fresh) => {
    if (fresh.storeLabel === storeLabel) opened.useUrl(fresh.storeUrl)
    return []
  })
  if (!works) return { ...opened, handlersStarted: undefined }
  const pruning = pruneRegularly(opened.store, { retention: settings, observer, now })
  closers.add('pruning', () => pruning.stop())
  if (handlers) closers.add('handlers', handlers.stop)
  return { ...opened, handlersStarted: handlers?.whenStarted }
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
