import type { Readiness } from '../http/health.ts'
import type { GuardedJournal } from '../store/watch-journal.ts'

/** Whether a batch that came now would be acknowledged, and what was looked at. */
export function readReadiness(isUp: boolean, journal: GuardedJournal): Readiness {
  const checks = { receiver: isUp ? 'ok' : 'stopping', store: journal.state() }
  return { ready: isUp && journal.canAcknowledge(), checks }
}
