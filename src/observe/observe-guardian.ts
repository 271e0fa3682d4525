import type { Logger } from 'pino'
import { tameText } from './log-text.ts'
import type { LogSampled } from './observe-spool.ts'
import type { GuardianObserver, OutageFigures } from './observer.ts'

/** What happens to our webhooks at the provider, as log lines. */
export function observeGuardian(log: Logger, logSampled: LogSampled): GuardianObserver {
  return {
    webhooksWrong({ problems }) {
      for (const { webhook, source, text } of problems) {
        log.error({ webhook, source, problem: tameText(text) }, 'webhook at the provider is wrong')
      }
    },
    webhooksRight(fact) {
      log.info(fact, 'webhooks at the provider are as they should be')
    },
    webhookResumed(fact) {
      log.warn(fact, 'paused webhook resumed at the provider')
    },
    guardianFailed({ code, detail, nextLookMs }) {
      // Waiting does not mend a wrong token: a person has to.
      const level = code === 'unauthorized' || code === 'refused' ? 'error' : 'warn'
      const nextLookSeconds = Math.round(nextLookMs / 1_000)
      logSampled(level, 'webhooks at the provider could not be looked at', {
        reason: code,
        detail: tameText(detail),
        nextLookSeconds,
      })
    },
    outageEnded(outage) {
      log.warn(describeOutage(outage), 'outage is over; the provider has tried again meanwhile')
    },
    outageNearsLimit(outage) {
      log.error(describeOutage(outage), 'outage goes on; the provider will pause the webhook')
    },
  }
}

function describeOutage({ durationMs, retriesUsed, retriesLimit }: OutageFigures) {
  return { seconds: Math.round(durationMs / 1_000), retriesUsed, retriesLimit }
}
