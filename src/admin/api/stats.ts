import type { GuardianFigures, OutageFigures } from '../../observe/figures.ts'
import { shareAnswer } from '../../share-answer.ts'
import type { DatabaseHealth, SpoolFigures, StoreStats } from '../../store/store.ts'
import { isoTime, jobCountsJson } from '../answer-parts.ts'
import type { AdminContext } from '../context.ts'
import { type AdminApp, answersFile } from '../openapi.ts'
import { PROCESS_JSON, type ProcessJson, STATS_JSON, type StatsJson } from './stats-schema.ts'

const GET_STATS = { summary: 'Every figure of the receiver', response: { 200: STATS_JSON } }

const GET_PROCESS = {
  summary: 'What this process knows by itself, also while the store is away',
  response: { 200: PROCESS_JSON },
}

const GET_METRICS = { summary: 'Figures for Prometheus', response: answersFile('text/plain') }

export function addStatsRoutes(app: AdminApp, context: AdminContext): void {
  const { archive, metrics, now } = context
  const measureRates = createRateMeter()
  /** When the counts that live in memory began: received by source, refused. */
  const countingSince = now()

  // Questions that come while one is being answered share its answer.
  const readAll = shareAnswer(async () => {
    const [stats, health] = await Promise.all([archive.stats(), archive.health()])
    const { events, batches, countedAt: at } = stats
    const rates = measureRates({ events: events.total, batches: batches.received, at })
    return statsJson(await readProcess(context, countingSince), { stats, health, rates })
  })

  app.get('/api/stats', { schema: GET_STATS }, readAll)
  app.get('/api/process', { schema: GET_PROCESS }, () => readProcess(context, countingSince))
  app.get('/metrics', { schema: GET_METRICS }, async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.read())
  })
}

/** What the process knows without its store. */
async function readProcess(context: AdminContext, countingSince: number): Promise<ProcessJson> {
  const { version, store } = context
  const { causes } = await context.verdict()
  const spool = await context.spool?.()
  const guardian = context.guardian?.()
  const { received, refused } = context.observer.counts()
  return {
    version,
    store,
    verdict: causes.map(({ cause, since, text, remedy }) => {
      return { cause, since: isoTime(since), text, remedy }
    }),
    counting_since: isoTime(countingSince),
    batches: {
      received_by_source: received,
      refused: Object.values(refused).reduce((sum, count) => sum + count, 0),
      refused_by_reason: refused,
    },
    spool: spool ? spoolJson(spool) : null,
    guardian: guardian ? guardianJson(guardian) : null,
  }
}

/** Every figure of the receiver: the store's own, and what was counted since the process began. */
function statsJson(
  { batches, ...known }: ProcessJson,
  counted: {
    readonly stats: StoreStats
    readonly health: DatabaseHealth | undefined
    readonly rates: Rates | undefined
  },
): StatsJson {
  const { stats, health, rates } = counted
  return {
    ...known,
    counted_at: isoTime(stats.countedAt),
    batches: { ...stats.batches, ...batches },
    events: {
      total: stats.events.total,
      by_state: stats.events.byState,
      by_type: stats.events.byType,
    },
    duplicates: stats.duplicates,
    conflicts: stats.events.byState.conflict,
    stale: stats.events.byState.stale,
    quarantined: stats.quarantined,
    jobs: Object.fromEntries(
      Object.keys(stats.jobs).map((name) => [name, jobCountsJson(stats, name)]),
    ),
    backlog: stats.backlog,
    oldest_pending_seconds: Math.round(stats.oldestPendingMs / 1_000),
    database: health ? databaseJson(health) : null,
    rates: rates ?? { events_per_second: null, batches_per_second: null, over_seconds: null },
  }
}

function spoolJson(figures: SpoolFigures) {
  return {
    waiting: figures.waiting,
    refused: figures.refused,
    waiting_since: isoTime(figures.since),
    bytes: figures.bytes,
    disk_used_percent: figures.diskUsedPercent,
    spooled: figures.spooled,
    drained: figures.drained,
    files_set_aside: figures.setAside,
  }
}

function databaseJson(health: DatabaseHealth) {
  return {
    dead_rows: health.deadRows,
    oldest_transaction_seconds: Math.round(health.oldestTransactionMs / 1_000),
    oldest_transaction_by: health.oldestTransactionBy,
    turned_off: health.turnedOff,
  }
}

type GuardianJson = NonNullable<ProcessJson['guardian']>

/** Our webhooks at the provider, as the last look found them. */
function guardianJson(guardian: GuardianFigures): GuardianJson {
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

interface Totals {
  readonly events: number
  readonly batches: number
  /** When they were counted, in milliseconds since 1970. */
  readonly at: number
}

type Rates = StatsJson['rates']

const WINDOW_MS = 60_000
const SHORTEST_MS = 1_000

/**
 * Rates over the last minute from successive totals. It looks only when somebody asks, so the first
 * question is answered undefined, and one that comes minutes after the one before.
 */
export function createRateMeter() {
  let looks: Totals[] = []

  return (totals: Totals): Rates | undefined => {
    const { at } = totals
    // A clock that was set back makes what was noted worthless.
    looks = looks.filter((look) => look.at <= at && look.at > at - 2 * WINDOW_MS)
    const isMinuteOld = (look: { at: number } | undefined) => look && look.at <= at - WINDOW_MS
    while (isMinuteOld(looks[1])) looks.shift()
    const first = looks[0]
    const latest = looks.at(-1)
    if (!latest || at - latest.at >= SHORTEST_MS) looks.push(totals)
    return first && at - first.at >= SHORTEST_MS ? ratesBetween(first, totals) : undefined
  }
}

function ratesBetween(first: Totals, last: Totals): Rates {
  const seconds = (last.at - first.at) / 1_000
  // Totals sink when old rows are pruned; a rate does not.
  const perSecond = (from: number, to: number) => round(Math.max(0, to - from) / seconds)
  return {
    events_per_second: perSecond(first.events, last.events),
    batches_per_second: perSecond(first.batches, last.batches),
    over_seconds: round(seconds),
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
