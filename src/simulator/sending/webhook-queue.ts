import type { ProviderName } from '../../model.ts'
import { MAILTRAP_RETRIES } from '../../providers/mailtrap/mailtrap.ts'
import type { BodyFormat } from '../../providers/outgoing-batch.ts'
import { PROVIDERS } from '../../providers/providers.ts'

const MINUTE_MS = 60_000
const GATHER_MS = 30_000

/** How a provider gathers events into batches, and how often it sends one again. */
interface SendingPolicy {
  /** How long events are gathered, from the first of a batch. */
  readonly gatherMs: number
  readonly maxEvents: number
  /** Waits between attempts; after the last one the webhook is paused. */
  readonly retryDelaysMs: readonly number[]
}

/**
 * `steady`: as Mailtrap says of most. `backoff`: 10 attempts in 24 hours, as Mailtrap's pages on
 * inbound e-mail have it.
 */
const RETRY_PROFILES = {
  steady: Array.from({ length: MAILTRAP_RETRIES.count }, () => MAILTRAP_RETRIES.everyMs),
  backoff: Array.from({ length: 9 }, (_, retry) => 2 ** retry * MINUTE_MS),
} as const satisfies Readonly<Record<string, readonly number[]>>

export type RetryProfile = keyof typeof RETRY_PROFILES

/** MailingAPI publishes no retries: the same are assumed. */
export function sendingPolicy(provider: ProviderName, profile: RetryProfile): SendingPolicy {
  const { maxEvents } = PROVIDERS[provider].requests
  const gatherMs = maxEvents > 1 ? GATHER_MS : 0
  return { gatherMs, maxEvents, retryDelaysMs: RETRY_PROFILES[profile] }
}

/** What one request will carry, the same in each attempt. */
export interface QueuedBatch {
  readonly id: number
  /** JSON texts. */
  readonly events: readonly string[]
  readonly format: BodyFormat
  /** Attempts made so far; a new start after a pause counts anew. */
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly dueAt: number
  /** Answered 200 once and to be sent again all the same: a fault asked for. */
  readonly isRepeat: boolean
}

/** What is left to be sent to one webhook; can be kept as JSON. */
export interface QueueState {
  readonly waiting: readonly string[]
  readonly gatherUntil: number | undefined
  readonly batches: readonly QueuedBatch[]
  readonly nextId: number
}

interface QueueOptions {
  readonly policy: SendingPolicy
  /** Makes a batch of gathered events. */
  readonly close: (events: readonly string[]) => Pick<QueuedBatch, 'events' | 'format'>
  readonly state?: QueueState | undefined
}

export type AttemptEnd = 'sent' | 'retry' | 'given_up'

/** One webhook's events, gathered into batches, each sent until it is answered 200. Pure. */
export class WebhookQueue {
  readonly #policy: SendingPolicy
  readonly #close: QueueOptions['close']
  readonly #batches: Map<number, QueuedBatch>
  readonly #underWay = new Set<number>()
  #waiting: string[]
  #gatherUntil: number | undefined
  #nextId: number

  constructor({ policy, close, state }: QueueOptions) {
    this.#policy = policy
    this.#close = close
    this.#batches = new Map(state?.batches.map((batch) => [batch.id, batch]))
    this.#waiting = [...(state?.waiting ?? [])]
    this.#gatherUntil = state?.gatherUntil
    this.#nextId = state?.nextId ?? 1
  }

  /** Events not yet answered for. */
  get events(): number {
    let count = this.#waiting.length
    for (const batch of this.#batches.values()) if (!batch.isRepeat) count += batch.events.length
    return count
  }

  get batches(): number {
    return this.#batches.size
  }

  get state(): QueueState {
    return {
      waiting: this.#waiting,
      gatherUntil: this.#gatherUntil,
      batches: [...this.#batches.values()],
      nextId: this.#nextId,
    }
  }

  add(event: string, now: number): void {
    this.#waiting.push(event)
    this.#gatherUntil ??= now + this.#policy.gatherMs
    if (this.#waiting.length >= this.#policy.maxEvents) this.#closeBatch(now)
  }

  /** When there is something to do; `Infinity`: never by itself. */
  nextDueAt(): number {
    let next = this.#gatherUntil ?? Number.POSITIVE_INFINITY
    for (const batch of this.#batches.values()) {
      if (batch.dueAt < next && !this.#underWay.has(batch.id)) next = batch.dueAt
    }
    return next
  }

  /** Takes at most `count` batches that are due. Each has to be settled. */
  take(now: number, count: number): QueuedBatch[] {
    if ((this.#gatherUntil ?? Number.POSITIVE_INFINITY) <= now) this.#closeBatch(now)
    const due: QueuedBatch[] = []
    for (const batch of this.#batches.values()) {
      if (due.length >= count) break
      if (batch.dueAt <= now && !this.#underWay.has(batch.id)) due.push(batch)
    }
    for (const batch of due) this.#underWay.add(batch.id)
    return due
  }

  /** `answer` to an attempt; `again`: with 200, and the batch is wanted once more. */
  settle(id: number, answer: 'ok' | 'again' | 'failed', now: number): AttemptEnd {
    this.#underWay.delete(id)
    const batch = this.#batches.get(id)
    if (batch === undefined) return answer === 'failed' ? 'retry' : 'sent'
    if (answer === 'ok') {
      this.#batches.delete(id)
      return 'sent'
    }
    const attempts = answer === 'again' ? 0 : batch.attempts + 1
    const delayMs = this.#policy.retryDelaysMs[Math.max(0, attempts - 1)]
    const isRepeat = answer === 'again' || batch.isRepeat
    const dueAt = now + (delayMs ?? 0)
    this.#batches.set(id, { ...batch, attempts, isRepeat, dueAt })
    if (answer === 'again') return 'sent'
    return delayMs === undefined ? 'given_up' : 'retry'
  }

  /** Forgets all that waits. */
  drop(): void {
    this.#batches.clear()
    this.#waiting = []
    this.#gatherUntil = undefined
  }

  /** After a pause: everything is due now, with all its attempts before it. */
  startAnew(now: number): void {
    for (const batch of this.#batches.values()) {
      this.#batches.set(batch.id, { ...batch, attempts: 0, dueAt: now })
    }
  }

  #closeBatch(now: number): void {
    const gathered = this.#waiting
    this.#waiting = []
    this.#gatherUntil = undefined
    const id = this.#nextId++
    const batch = { id, ...this.#close(gathered), attempts: 0, dueAt: now, isRepeat: false }
    this.#batches.set(id, batch)
  }
}
