import * as z from 'zod'
import type { GuardianFigures, OutageFigures } from '../../observe/figures.ts'
import { isoTime, TIME_JSON } from '../answer-parts.ts'

const OUTAGE_JSON = z
  .object({
    began_at: TIME_JSON,
    seconds: z.number(),
    retries_used: z
      .number()
      .describe('About so many times the provider has tried the same batch again.'),
    retries_limit: z.number().describe('After so many it pauses the webhook.'),
  })
  .nullable()

export const GUARDIAN_JSON = z.object({
  looked_at: TIME_JSON.describe('When the provider answered last; null: not yet.'),
  failure: z.string().nullable().describe('Why the last look failed.'),
  webhooks: z.number(),
  paused: z.number(),
  differing: z.number(),
  problems: z.array(
    z.object({
      webhook: z.number().nullable(),
      source: z.string().nullable(),
      problem: z.string(),
    }),
  ),
  resumed: z.number(),
  token_expires_at: TIME_JSON.describe('Null: never, or the provider does not tell.'),
  outage: OUTAGE_JSON,
  last_outage: OUTAGE_JSON,
})

type GuardianJson = z.output<typeof GUARDIAN_JSON>

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
    token_expires_at: isoTime(guardian.tokenExpiresAt),
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
