import type { Readiness } from '../receive/create-public-server.ts'
import type { OpenedStore } from './open-store.ts'

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
