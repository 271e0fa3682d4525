import type { Source } from '../model.ts'
import type { GuardianFigures, GuardianObserver } from '../observe/observer.ts'
import type { Heartbeat } from './heartbeat.ts'
import { type Judgement, judge, type Memory, NO_MEMORY, noteResumed } from './judge.ts'
import { createManagementApi, type ManagementAccess } from './management-api.ts'
import { ManagementFailure } from './management-failure.ts'
import { nextLookMs } from './next-look.ts'
import { describeOutage, noteHealth, type OutageState, startOutages } from './outage.ts'

/** How often our own health is noted; oftener when the provider is. */
const HEALTH_EVERY_MS = 5_000
/** How often it is written down. */
const HEARTBEAT_EVERY_MS = 30_000
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

export interface GuardianOptions {
  /** That of this moment. */
  readonly plan: () => GuardianPlan
  /** Whether a batch that came now would be acknowledged. */
  readonly isWell: () => boolean
  readonly heartbeat: Heartbeat
  readonly observer: GuardianObserver
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
}

export interface Guardian {
  start(): Promise<void>
  figures(): GuardianFigures
  /** Cuts what is under way. */
  stop(): Promise<void>
}

/**
 * Watches the webhooks that lead here at the provider: tells when one is paused or not as it should
 * be, resumes it if it may, and keeps count of our own outages.
 */
export function createGuardian(options: GuardianOptions): Guardian {
  const { plan, observer, now, isWell, heartbeat } = options
  const stopping = new AbortController()
  const teller = createTeller(observer)
  let memory: Memory = NO_MEMORY
  let outages: OutageState = startOutages(undefined, now())
  let judgement: Judgement | undefined
  let lookedAt: number | undefined
  let failure: ManagementFailure | undefined
  let failures = 0
  let resumed = 0
  let nextLookAt = now()
  let nextHeartbeatAt = now()
  let timer: NodeJS.Timeout | undefined
  let ticking: Promise<void> = Promise.resolve()

  async function tick(): Promise<void> {
    const at = now()
    const step = noteHealth(outages, isWell(), at)
    outages = step.state
    if (step.ended) observer.outageEnded(step.ended)
    if (step.nearing) observer.outageNearsLimit(step.nearing)
    if (outages.wellSince !== undefined && at >= nextHeartbeatAt) {
      nextHeartbeatAt = at + HEARTBEAT_EVERY_MS
      await heartbeat.write(at)
    }
    if (at >= nextLookAt) await look()
  }

  async function look(): Promise<void> {
    try {
      await lookOnce()
      failure = undefined
      failures = 0
    } catch (error) {
      failure = ManagementFailure.from(error)
      failures++
    }
    const { intervalMs } = plan()
    const retryAfterMs = failure?.retryAfterMs
    const waitMs = nextLookMs({ intervalMs, failures, retryAfterMs, random: options.random() })
    nextLookAt = now() + waitMs
    if (!failure || stopping.signal.aborted) return
    observer.guardianFailed({ code: failure.code, detail: failure.message, nextLookMs: waitMs })
  }

  async function lookOnce(): Promise<void> {
    const rules = { ...plan(), steadyMs: plan().intervalMs }
    const api = createManagementApi({ ...rules.access, signal: stopping.signal })
    const webhooks = await api.list()
    const at = now()
    lookedAt = at
    judgement = judge(memory, { webhooks, at, wellSince: outages.wellSince }, rules)
    memory = judgement.memory
    teller.tell(judgement, at)
    for (const { id, source } of judgement.resume) {
      await api.resume(id)
      memory = noteResumed(memory, id, at)
      resumed++
      observer.webhookResumed({ webhook: id, source })
    }
    // Once more, so that the figures tell what came of it.
    if (judgement.resume.length > 0) {
      judgement = judge(memory, { webhooks: await api.list(), at, wellSince: undefined }, rules)
      teller.tell(judgement, at)
    }
  }

  function schedule(): void {
    if (stopping.signal.aborted) return
    timer = setTimeout(
      () => {
        ticking = tick().then(schedule)
      },
      Math.min(HEALTH_EVERY_MS, plan().intervalMs),
    )
    timer.unref()
  }

  return {
    async start() {
      outages = startOutages(await heartbeat.read(), now())
      ticking = tick().then(schedule)
    },
    figures: () => ({
      lookedAt,
      failure: failure?.message,
      webhooks: judgement?.webhooks ?? [],
      problems: judgement?.problems ?? [],
      resumed,
      outage: outages.beganAt === undefined ? undefined : describeOutage(outages.beganAt, now()),
      lastOutage: outages.last,
    }),
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      await ticking
      if (outages.wellSince !== undefined) await heartbeat.write(now())
    },
  }
}

/** Tells of problems when they change, and again while they last. */
function createTeller(observer: GuardianObserver) {
  let told = ''
  let toldAt = 0
  return {
    tell({ problems, webhooks }: Judgement, at: number): void {
      const text = JSON.stringify(problems)
      if (text === told && (problems.length === 0 || at - toldAt < TELL_AGAIN_MS)) return
      told = text
      toldAt = at
      if (problems.length > 0) observer.webhooksWrong({ problems })
      else observer.webhooksRight({ webhooks: webhooks.length })
    },
  }
}
