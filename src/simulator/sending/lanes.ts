import type { Random } from '../samples/random.ts'
import type { SampleEvent } from '../samples/sample-facts.ts'
import type { SimulatorState } from '../simulator-state.ts'
import { wantsEvent } from '../webhooks/wants-event.ts'
import { bodyFormat, isSending, type Webhook, webhookKey } from '../webhooks/webhook.ts'
import type { WebhookBook } from '../webhooks/webhook-book.ts'
import { type Faults, spoilEvents } from './faults.ts'
import { type Lane, NO_TALLY } from './lane.ts'
import { type RetryProfile, sendingPolicy } from './sending-policy.ts'
import { type QueuedBatch, type QueueState, WebhookQueue } from './webhook-queue.ts'

/** Requests under way to one webhook. */
const ATTEMPTS_AT_ONCE = 8

export interface LaneOptions {
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
  readonly lane: Lane
  readonly batch: QueuedBatch
}

/** The queues of all webhooks. Pure: time comes in as an argument. */
export class Lanes {
  readonly #options: LaneOptions
  readonly #lanes = new Map<string, Lane>()

  constructor(options: LaneOptions, kept: SimulatorState['lanes'] = []) {
    this.#options = options
    for (const { webhook: key, queue, tally } of kept) {
      const webhook = options.webhooks.find(key)
      if (webhook) this.#lanes.set(key, { ...this.#open(webhook, queue), tally })
    }
  }

  find(webhook: Webhook): Lane | undefined {
    return this.#lanes.get(webhookKey(webhook))
  }

  add(webhook: Webhook): void {
    this.#lanes.set(webhookKey(webhook), this.#open(webhook))
  }

  remove(webhook: Webhook): void {
    this.#lanes.delete(webhookKey(webhook))
  }

  /** Gives the event to all that want it; answers how many. */
  offer(provider: Webhook['provider'], event: SampleEvent, now: number): number {
    const wanting = this.#options.webhooks
      .ofProvider(provider)
      .filter((webhook) => wantsEvent(webhook, event))
    for (const webhook of wanting) this.#add(webhook, JSON.stringify(event), now)
    return wanting.length
  }

  /** When there is something to send; `Infinity`: never by itself. */
  nextDueAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { lane } of this.#sending()) {
      if (lane.underWay < ATTEMPTS_AT_ONCE) next = Math.min(next, lane.queue.nextDueAt())
    }
    return next
  }

  /** Takes what is due, no more than may be under way. */
  take(now: number): DueBatch[] {
    return this.#sending().flatMap(({ webhook, lane }) => {
      const batches = lane.queue.take(now, ATTEMPTS_AT_ONCE - lane.underWay)
      lane.underWay += batches.length
      return batches.map((batch) => ({ webhook, lane, batch }))
    })
  }

  get state(): SimulatorState['lanes'] {
    return [...this.#lanes].map(([webhook, { queue, tally }]) => ({
      webhook,
      queue: queue.state,
      tally,
    }))
  }

  #sending(): { webhook: Webhook; lane: Lane }[] {
    return this.#options.webhooks.list().flatMap((webhook) => {
      const lane = isSending(webhook) ? this.find(webhook) : undefined
      return lane ? [{ webhook, lane }] : []
    })
  }

  #add(webhook: Webhook, event: string, now: number): void {
    const lane = this.find(webhook)
    if (!lane) return
    lane.tally = { ...lane.tally, wanted: lane.tally.wanted + 1 }
    if (isSending(webhook) || this.#options.whenPaused === 'keep') lane.queue.add(event, now)
  }

  #open({ provider, id }: Webhook, state?: QueueState): Lane {
    const { webhooks, retries, faults, random } = this.#options
    const queue = new WebhookQueue({
      policy: sendingPolicy(provider, retries),
      close: (events) => {
        const webhook = webhooks.find(webhookKey({ provider, id } as Webhook))
        const format = webhook ? bodyFormat(webhook) : 'json'
        if (provider === 'mailtrap')
          return { events: spoilEvents(events, faults(), random), format }
        return { events, format }
      },
      state,
    })
    return { queue, underWay: 0, tally: NO_TALLY }
  }
}
