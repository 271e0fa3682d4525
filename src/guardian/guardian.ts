import type { Source } from '../model.ts'
import type { GuardianFigures } from '../observe/figures.ts'
import type { GuardianObserver } from '../observe/observer.ts'
import {
  type Assessment,
  assessWebhooks,
  type Memory,
  NO_MEMORY,
  noteResumed,
} from './assess-webhooks.ts'
import { createMailtrapApi, type ManagementAccess, readWebhooks } from './management-api.ts'
import { ManagementFailure } from './management-failure.ts'
import { describeOutage, nextLookMs, noteHealth, type OutageState, startOutages } from './outage.ts'

/** How often our own health is noted; oftener when the provider is. */
const HEALTH_EVERY_MS = 5_000
/** How often it is written down. */
const HEARTBEAT_EVERY_MS = 30_000
/** How often the provider is asked when our token for it ends. */
const TOKEN_EVERY_MS = 6 * 3_600_000
/** How often problems that last are told again. */
const TELL_AGAIN_MS = 3_600_000

/** What a reload may change. */
export interface GuardianPlan {
  readonly access: ManagementAccess
  /** Those of Mailtrap. */
  readonly sources: readonly Source[]
  readonly publicUrl: string | undefined
  readonly mayResume: boolean
  /** Between two looks at the provider. */
  readonly intervalMs: number
}

/** When we were well last, kept over restarts: so a start knows how long nobody answered. */
export interface Heartbeat {
  /** Milliseconds since 1970; undefined on a first start. */
  read(): Promise<number | undefined>
  /** Never rejects: without it a start only knows less. */
  write(at: number): Promise<void>
}

export interface GuardianOptions {
  /** That of this moment. */
  readonly plan: () => GuardianPlan
  /** Whether a batch that came now would be acknowledged. */
  readonly isWell: () => boolean
  readonly heartbeat: Heartbeat
  readonly observer: GuardianObserver
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds of a clock that only goes forward: one that is set back puts off no look. */
  readonly elapsedMs: () => number
  /** From 0 to 1. */
  readonly random: () => number
}

export type Guardian = ReturnType<typeof createGuardian>

/**
 * Watches the webhooks that lead here at the provider: tells when one is paused or not as it should
 * be, resumes it if it may, and keeps count of our own outages.
 */
export function createGuardian(options: GuardianOptions) {
  const { plan, observer, now, elapsedMs, isWell, heartbeat } = options
  const stopping = new AbortController()
  const looks = createLooks(options, stopping.signal)
  const startedAt = now()
  let outages: OutageState = startOutages(undefined, startedAt)
  let heartbeatDueMs = elapsedMs()
  let wellSinceMs: number | undefined
  let timer: NodeJS.Timeout | undefined
  let ticking: Promise<void> = Promise.resolve()

  async function tick(): Promise<void> {
    const at = now()
    const step = noteHealth(outages, isWell(), at)
    outages = step.state
    wellSinceMs = outages.wellSince === undefined ? undefined : (wellSinceMs ?? elapsedMs())
    if (step.ended) observer.outageEnded(step.ended)
    if (step.nearing) observer.outageNearsLimit(step.nearing)
    if (outages.wellSince !== undefined && elapsedMs() >= heartbeatDueMs) {
      heartbeatDueMs = elapsedMs() + HEARTBEAT_EVERY_MS
      await heartbeat.write(at)
    }
    await looks.lookInTime(wellSinceMs)
  }

  function schedule(): void {
    if (stopping.signal.aborted) return
    const waitMs = Math.min(HEALTH_EVERY_MS, plan().intervalMs)
    timer = setTimeout(() => {
      ticking = tick().then(schedule)
    }, waitMs)
    timer.unref()
  }

  return {
    async start(): Promise<void> {
      outages = startOutages(await heartbeat.read(), now())
      ticking = tick().then(schedule)
    },
    figures: (): GuardianFigures => ({
      ...looks.figures(),
      startedAt,
      outage: outages.beganAt === undefined ? undefined : describeOutage(outages.beganAt, now()),
      lastOutage: outages.last,
    }),
    /** Cuts what is under way. */
    async stop(): Promise<void> {
      stopping.abort()
      clearTimeout(timer)
      await ticking
      if (outages.wellSince !== undefined) await heartbeat.write(now())
    },
  }
}

type Seen = Omit<GuardianFigures, 'startedAt' | 'outage' | 'lastOutage' | 'failure'>

/** Looks at the provider, as often as it should, and remembers what was seen. */
function createLooks(options: GuardianOptions, signal: AbortSignal) {
  const { plan, observer, now, elapsedMs, random } = options
  let memory: Memory = NO_MEMORY
  let seen: Seen = {
    lookedAt: undefined,
    webhooks: [],
    problems: [],
    resumed: 0,
    tokenExpiresAt: undefined,
  }
  let failure: ManagementFailure | undefined
  let failures = 0
  let told = ''
  let toldMs = 0
  let lookDueMs = elapsedMs()
  let tokenDueMs = elapsedMs()

  async function look(wellSince: number | undefined): Promise<void> {
    const rules = { ...plan(), steadyMs: plan().intervalMs }
    const api = createMailtrapApi({ ...rules.access, signal })
    const webhooks = readWebhooks(await api.list())
    const at = elapsedMs()
    if (at >= tokenDueMs) {
      tokenDueMs = at + TOKEN_EVERY_MS
      seen = { ...seen, tokenExpiresAt: await api.tokenExpiry() }
    }
    const { resume } = note(assessWebhooks(memory, { webhooks, at, wellSince }, rules))
    for (const { id, source } of resume) {
      await api.update(String(id), api.changeTo.active)
      memory = noteResumed(memory, id, at)
      seen = { ...seen, resumed: seen.resumed + 1 }
      observer.webhookResumed({ webhook: id, source })
    }
    // Once more, so that the figures tell what came of it.
    if (resume.length === 0) return
    const again = { webhooks: readWebhooks(await api.list()), at, wellSince: undefined }
    note(assessWebhooks(memory, again, rules))
  }

  function note(assessment: Assessment): Assessment {
    memory = assessment.memory
    const { webhooks, problems } = assessment
    seen = { ...seen, lookedAt: now(), webhooks, problems }
    tell(assessment)
    return assessment
  }

  /** When problems change, and again while they last. */
  function tell({ problems, webhooks }: Assessment): void {
    const text = JSON.stringify(problems)
    const isRecent = elapsedMs() - toldMs < TELL_AGAIN_MS
    if (text === told && (problems.length === 0 || isRecent)) return
    told = text
    toldMs = elapsedMs()
    if (problems.length > 0) observer.webhooksWrong({ problems })
    else observer.webhooksRight({ webhooks: webhooks.length })
  }

  return {
    async lookInTime(wellSince: number | undefined): Promise<void> {
      if (elapsedMs() < lookDueMs) return
      failure = await look(wellSince).then(
        () => undefined,
        (error: unknown) => ManagementFailure.from(error, plan().access.url),
      )
      failures = failure ? failures + 1 : 0
      const { intervalMs } = plan()
      const retryAfterMs = failure?.retryAfterMs
      const waitMs = nextLookMs({ intervalMs, failures, retryAfterMs, random: random() })
      lookDueMs = elapsedMs() + waitMs
      if (!failure || signal.aborted) return
      observer.guardianFailed({ code: failure.code, detail: failure.message, nextLookMs: waitMs })
    },
    figures: () => ({ ...seen, failure: failure?.message }),
  }
}
