import type { Random, SampleEvent } from '../../providers/samples.ts'
import type { StreamState } from '../samples/event-stream.ts'
import type { Answer } from '../send-request.ts'
import { EmailLog } from './email-log.ts'
import { type Faults, spoilEvents } from './faults.ts'
import {
  bodyFormat,
  isSending,
  type Webhook,
  type WebhookBook,
  wantsEvent,
  webhookKey,
} from './webhook.ts'
import {
  type AttemptEnd,
  type QueuedBatch,
  type QueueState,
  type RetryProfile,
  sendingPolicy,
  WebhookQueue,
} from './webhook-queue.ts'

/** One sender, as it is kept. */
export interface KeptSender {
  readonly webhook: string
  readonly queue: QueueState
  readonly tally: SendingTally
}

/** Everything that a simulator goes on from, as it stands in its file. */
export interface SimulatorState {
  readonly version: 2
  /** What its clock showed. */
  readonly now: number
  readonly webhooks: readonly Webhook[]
  readonly senders: readonly KeptSender[]
  readonly streams: readonly StreamState[]
}

/** What was sent to a webhook so far. */
interface SendingTally {
  /** Events that it wanted. */
  wanted: number
  /** Events in batches that were answered 200. */
  sent: number
  attempts: number
  /** Attempts by status, or by why there was none. */
  readonly answers: Record<string, number>
}

/** One webhook's queue, and what came of it. */
interface Sender {
  readonly queue: WebhookQueue
  readonly tally: SendingTally
  underWay: number
}

/** One request, and how it was answered; as it is told. */
export interface AttemptJson {
  /** By the simulator's clock. */
  readonly at: string
  readonly webhook: string
  readonly batch: number
  /** 1 for the first. */
  readonly attempt: number
  readonly events: number
  readonly status: number | string
  /** Start of the answer's body. */
  readonly answer: string
  /** By our clock. */
  readonly duration_ms: number
  readonly end: AttemptEnd
}

/** Requests under way to one webhook. */
const ATTEMPTS_AT_ONCE = 8

export interface SenderOptions {
  readonly webhooks: WebhookBook
  readonly retries: RetryProfile
  /** What becomes of events while their webhook is paused. No document says it. */
  readonly whenPaused: 'keep' | 'drop'
  readonly faults: () => Faults
  readonly random: Random
}

/** A batch whose time has come, and whither. */
export interface DueBatch {
  readonly webhook: Webhook
  readonly sender: Sender
  readonly batch: QueuedBatch
}

/** The queues of all webhooks. Pure: time comes in as an argument. */
export class Senders {
  /** Of Mailtrap; since the start, as the state has none of it. */
  readonly emailLog = new EmailLog()
  readonly #options: SenderOptions
  readonly #senders = new Map<string, Sender>()

  constructor(options: SenderOptions, kept: readonly KeptSender[] = []) {
    this.#options = options
    for (const { webhook: key, queue, tally } of kept) {
      const webhook = options.webhooks.find(key)
      if (webhook) this.#senders.set(key, { queue: this.#open(webhook, queue), tally, underWay: 0 })
    }
  }

  find(webhook: Webhook): Sender | undefined {
    return this.#senders.get(webhookKey(webhook))
  }

  add(webhook: Webhook): void {
    const tally = { wanted: 0, sent: 0, attempts: 0, answers: {} }
    this.#senders.set(webhookKey(webhook), { queue: this.#open(webhook), tally, underWay: 0 })
  }

  remove(webhook: Webhook): void {
    this.#senders.delete(webhookKey(webhook))
  }

  /** Gives the event to all that want it; answers how many. */
  offer(provider: Webhook['provider'], event: SampleEvent, now: number): number {
    if (provider === 'mailtrap') this.emailLog.note(event)
    const wanting = this.#options.webhooks
      .ofProvider(provider)
      .filter((webhook) => wantsEvent(webhook, event))
    for (const webhook of wanting) this.#add(webhook, JSON.stringify(event), now)
    return wanting.length
  }

  /** When there is something to send; `Infinity`: never by itself. */
  nextDueAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { sender } of this.#sending()) {
      if (sender.underWay < ATTEMPTS_AT_ONCE) next = Math.min(next, sender.queue.nextDueAt())
    }
    return next
  }

  /** Takes what is due, no more than may be under way. */
  take(now: number): DueBatch[] {
    return this.#sending().flatMap(({ webhook, sender }) => {
      const batches = sender.queue.take(now, ATTEMPTS_AT_ONCE - sender.underWay)
      sender.underWay += batches.length
      return batches.map((batch) => ({ webhook, sender, batch }))
    })
  }

  get state(): readonly KeptSender[] {
    return [...this.#senders].map(([webhook, { queue, tally }]) => ({
      webhook,
      queue: queue.state,
      tally,
    }))
  }

  #sending(): { webhook: Webhook; sender: Sender }[] {
    return this.#options.webhooks.list().flatMap((webhook) => {
      const sender = isSending(webhook) ? this.find(webhook) : undefined
      return sender ? [{ webhook, sender }] : []
    })
  }

  #add(webhook: Webhook, event: string, now: number): void {
    const sender = this.find(webhook)
    if (!sender) return
    sender.tally.wanted++
    if (isSending(webhook) || this.#options.whenPaused === 'keep') sender.queue.add(event, now)
  }

  #open({ provider, id }: Webhook, state?: QueueState): WebhookQueue {
    const { webhooks, retries, faults, random } = this.#options
    return new WebhookQueue({
      policy: sendingPolicy(provider, retries),
      close: (events) => {
        const webhook = webhooks.find(`${provider}/${id}`)
        const format = webhook ? bodyFormat(webhook) : 'json'
        if (provider === 'mailingapi') return { events, format }
        return { events: spoilEvents(events, faults(), random), format }
      },
      state,
    })
  }
}

/** Counts an attempt, and answers what is told of it. */
export function noteAnswer(
  { webhook, sender, batch }: DueBatch,
  { status, text, durationMs }: Answer,
  { startedAt, end }: { readonly startedAt: number; readonly end: AttemptEnd },
): AttemptJson {
  const { tally } = sender
  tally.attempts++
  tally.answers[status] = (tally.answers[status] ?? 0) + 1
  if (status === 200 && !batch.isRepeat) tally.sent += batch.events.length
  return {
    at: new Date(startedAt).toISOString(),
    webhook: webhookKey(webhook),
    batch: batch.id,
    attempt: batch.attempts + 1,
    events: batch.events.length,
    status,
    answer: text,
    duration_ms: Math.round(durationMs),
    end,
  }
}
