import type { Random, SampleEvent } from '../../providers/samples.ts'
import type { StreamState } from '../samples/event-stream.ts'
import type { Answer } from '../send-request.ts'
import { EmailLog } from './email-log.ts'
import { type Faults, spoilEvents } from './faults.ts'
import { bodyFormat, isSending, type Webhook, wantsEvent, webhookKey } from './webhook.ts'
import {
  type AttemptEnd,
  type QueuedBatch,
  type QueueState,
  type RetryProfile,
  sendingPolicy,
  WebhookQueue,
} from './webhook-queue.ts'

/** One sender, as it is kept. */
interface KeptSender {
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

/** A webhook, what is left to be sent to it, and what was. */
export interface Sender {
  webhook: Webhook
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
  readonly retries: RetryProfile
  /** What becomes of events while their webhook is paused. No document says it. */
  readonly whenPaused: 'keep' | 'drop'
  readonly faults: () => Faults
  readonly random: Random
}

/** A batch whose time has come, and whose it is. */
export interface DueBatch {
  readonly sender: Sender
  readonly batch: QueuedBatch
}

const FIRST_NUMBER = 9001

/** The webhooks of both providers, oldest first, each with its queue. Pure: time comes in as an argument. */
export class Senders {
  /** Of Mailtrap; since the start, as the state has none of it. */
  readonly emailLog = new EmailLog()
  readonly #options: SenderOptions
  readonly #senders = new Map<string, Sender>()
  #lastNumber = FIRST_NUMBER - 1

  constructor(options: SenderOptions, state?: Pick<SimulatorState, 'webhooks' | 'senders'>) {
    this.#options = options
    for (const webhook of state?.webhooks ?? []) {
      const kept = state?.senders.find((one) => one.webhook === webhookKey(webhook))
      this.add(webhook, kept)
      if (typeof webhook.id === 'number') {
        this.#lastNumber = Math.max(this.#lastNumber, webhook.id)
      }
    }
  }

  list(): readonly Sender[] {
    return [...this.#senders.values()]
  }

  /** By the webhook's key. */
  find(key: string): Sender | undefined {
    return this.#senders.get(key)
  }

  ofProvider<Name extends Webhook['provider']>(provider: Name) {
    type Own = Extract<Webhook, { provider: Name }>
    const webhooks = this.list().map(({ webhook }) => webhook)
    return webhooks.filter((webhook): webhook is Own => webhook.provider === provider)
  }

  /** For Mailtrap's next webhook. */
  nextNumber(): number {
    return ++this.#lastNumber
  }

  add(webhook: Webhook, kept?: Pick<KeptSender, 'queue' | 'tally'>): void {
    const { retries, faults, random } = this.#options
    const { provider } = webhook
    const queue = new WebhookQueue({
      policy: sendingPolicy(provider, retries),
      close: (gathered) => {
        const isSpoiled = provider === 'mailtrap'
        const events = isSpoiled ? spoilEvents(gathered, faults(), random) : gathered
        return { events, format: bodyFormat(sender.webhook) }
      },
      state: kept?.queue,
    })
    const tally = kept?.tally ?? { wanted: 0, sent: 0, attempts: 0, answers: {} }
    const sender: Sender = { webhook, queue, tally, underWay: 0 }
    this.#senders.set(webhookKey(webhook), sender)
  }

  /** Puts a changed one in its place. One that sends again begins anew. */
  change(webhook: Webhook, now: number): void {
    const sender = this.find(webhookKey(webhook))
    if (!sender) return
    if (isSending(webhook) && !isSending(sender.webhook)) sender.queue.startAnew(now)
    sender.webhook = webhook
  }

  remove(webhook: Webhook): void {
    this.#senders.delete(webhookKey(webhook))
  }

  /** Gives the event to all that want it; answers how many. */
  offer(provider: Webhook['provider'], event: SampleEvent, now: number): number {
    if (provider === 'mailtrap') this.emailLog.note(event)
    const wanting = this.list().filter(
      ({ webhook }) => webhook.provider === provider && wantsEvent(webhook, event),
    )
    for (const { webhook, queue, tally } of wanting) {
      tally.wanted++
      const isKept = isSending(webhook) || this.#options.whenPaused === 'keep'
      if (isKept) queue.add(JSON.stringify(event), now)
    }
    return wanting.length
  }

  /** When there is something to send; `Infinity`: never by itself. */
  nextDueAt(): number {
    const free = this.#sending().filter(({ underWay }) => underWay < ATTEMPTS_AT_ONCE)
    return Math.min(...free.map(({ queue }) => queue.nextDueAt()))
  }

  /** Takes what is due, no more than may be under way. */
  take(now: number): DueBatch[] {
    return this.#sending().flatMap((sender) => {
      const batches = sender.queue.take(now, ATTEMPTS_AT_ONCE - sender.underWay)
      sender.underWay += batches.length
      return batches.map((batch) => ({ sender, batch }))
    })
  }

  get state(): Pick<SimulatorState, 'webhooks' | 'senders'> {
    const senders = this.list()
    return {
      webhooks: senders.map(({ webhook }) => webhook),
      senders: senders.map(({ webhook, queue, tally }) => ({
        webhook: webhookKey(webhook),
        queue: queue.state,
        tally,
      })),
    }
  }

  #sending(): readonly Sender[] {
    return this.list().filter(({ webhook }) => isSending(webhook))
  }
}

/** Counts an attempt, and answers what is told of it. */
export function noteAnswer(
  { sender, batch }: DueBatch,
  { status, text, durationMs }: Answer,
  { startedAt, end }: { readonly startedAt: number; readonly end: AttemptEnd },
): AttemptJson {
  const { webhook, tally } = sender
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
