import type { GuardianFigures, OutageFigures } from '../../observe/observer.ts'
import { isoTime } from './iso-time.ts'
import type { GuardianJson } from './stats-schema.ts'

/** Our webhooks at the provider, as the last look found them. */
export function guardianJson(guardian: GuardianFigures): GuardianJson {
  const { webhooks, problems } = guardian
  return {
    looked_at: isoTime(guardian.lookedAt),
    failure: guardian.failure ?? null,
    webhooks: webhooks.length,
    paused: webhooks.filter(({ isPaused }) => isPaused).length,
    differing: webhooks.filter(({ differences }) => differences.length > 0).length,
    problems: problems.map(({ webhook, source, text }) => ({
      webhook: webhook ?? null,
      source: source ?? null,
      problem: text,
    })),
    resumed: guardian.resumed,
    outage: outageJson(guardian.outage),
    last_outage: outageJson(guardian.lastOutage),
  }
}

function outageJson(outage: OutageFigures | undefined): GuardianJson['outage'] {
  if (outage === undefined) return null
  const { beganAt, durationMs, retriesUsed, retriesLimit } = outage
  return {
    began_at: isoTime(beganAt),
    seconds: Math.round(durationMs / 1_000),
    retries_used: retriesUsed,
    retries_limit: retriesLimit,
  }
}
