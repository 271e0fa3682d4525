import type { ProviderName } from '../model.ts'
import { createPosters, type Posters } from './create-posters.ts'
import type { StreamSpec } from './samples/event-stream.ts'
import type { Random } from './samples/random.ts'
import type { SampleEvent } from './samples/sample-facts.ts'
import { type Faults, occurs } from './sending/faults.ts'
import { type AttemptRecord, countAttempt, type Lane } from './sending/lane.ts'
import { type DueBatch, Lanes } from './sending/lanes.ts'
import { type RunningStream, runStream } from './sending/running-stream.ts'
import type { RetryProfile } from './sending/sending-policy.ts'
import { signAttempt } from './sending/sign-attempt.ts'
import type { VirtualClock } from './sending/virtual-clock.ts'
import type { SimulatorState } from './simulator-state.ts'
import { noteAttempt } from './webhooks/note-attempt.ts'
import { streamKindFor } from './webhooks/stream-for.ts'
import { isSending, type Webhook, webhookKey } from './webhooks/webhook.ts'
import { createWebhookBook, type WebhookBook } from './webhooks/webhook-book.ts'

/** No retry comes sooner, so the clock may go on so far before an answer is there. */
const LEAST_RETRY_MS = 60_000
const LONGEST_TIMER_MS = 2 ** 31 - 1
const KEPT_RECORDS = 200

export interface SimulatorOptions {
  readonly clock: VirtualClock
  readonly random: Random
  /** Random lower-case hex digits, for secrets and ids. */
  readonly randomHex: (digits: number) => string
  readonly retries: RetryProfile
  /** What becomes of events while their webhook is paused. No document says it. */
  readonly whenPaused: 'keep' | 'drop'
  /** Begun when the first webhook of a kind is created; undefined: events are only posted. */
  readonly generate: Pick<StreamSpec, 'events' | 'overMs' | 'seed'> | undefined
  /** How long an answer may take, by our clock. */
  readonly timeoutMs: number
  readonly faults: Faults
  /** Our clock, milliseconds since 1970. */
  readonly now: () => number
  readonly elapsedMs: () => number
  readonly onAttempt: (record: AttemptRecord) => void
  readonly state?: SimulatorState | undefined
}

/** Both providers: who has which webhook, and what is sent to it. */
export class Simulator {
  readonly clock: VirtualClock
  readonly webhooks: WebhookBook
  readonly randomHex: (digits: number) => string
  faults: Faults
  readonly #options: SimulatorOptions
  readonly #lanes: Lanes
  readonly #posters: Posters
  readonly #streams: RunningStream[]
  /** Attempts under way, and when each began by the simulator's clock. */
  readonly #flights = new Map<Promise<void>, number>()
  readonly #cut = new AbortController()
  readonly #records: AttemptRecord[] = []
  #timer: NodeJS.Timeout | undefined
  #isAdvancing = false
  /** Resolves when nobody runs ahead any more: one after the other. */
  #advances = Promise.resolve()

  constructor(options: SimulatorOptions) {
    const { clock, state, timeoutMs, elapsedMs } = options
    this.#options = options
    this.clock = clock
    this.randomHex = options.randomHex
    this.faults = options.faults
    this.webhooks = createWebhookBook(state?.webhooks)
    this.#lanes = new Lanes(
      { ...options, webhooks: this.webhooks, faults: () => this.faults },
      state?.lanes,
    )
    this.#streams = (state?.streams ?? []).map(runStream)
    this.#posters = createPosters({
      connections: 16,
      timeoutMs,
      elapsedMs,
      signal: this.#cut.signal,
    })
    this.#wake()
  }

  /** Adds a new webhook; with events of its own, if they are to be generated. */
  create(webhook: Webhook): void {
    this.webhooks.put(webhook)
    this.#lanes.add(webhook)
    this.#generateFor(webhook)
    this.#wake()
  }

  /** Puts a changed one in its place. One that sends again begins anew. */
  change(webhook: Webhook): void {
    const before = this.webhooks.find(webhookKey(webhook))
    this.webhooks.put(webhook)
    const isResumed = isSending(webhook) && before !== undefined && !isSending(before)
    if (isResumed) this.#lanes.find(webhook)?.queue.startAnew(this.clock.now())
    this.#wake()
  }

  remove(webhook: Webhook): void {
    this.webhooks.remove(webhookKey(webhook))
    this.#lanes.remove(webhook)
  }

  /** Offers an event to all webhooks; answers how many want it. */
  post(provider: ProviderName, event: SampleEvent): number {
    const wanting = this.#lanes.offer(provider, event, this.clock.now())
    this.#wake()
    return wanting
  }

  beginStream(spec: StreamSpec): void {
    this.#streams.push(runStream({ spec, made: 0 }))
    this.#wake()
  }

  setSpeed(speed: number): void {
    this.clock.setSpeed(speed)
    this.#wake()
  }

  /** Runs ahead by so much; resolves when everything due until then is answered. */
  async advance(ms: number): Promise<void> {
    const before = this.#advances
    this.#advances = before.then(() => this.#advanceAlone(ms))
    await this.#advances
  }

  lane(webhook: Webhook): Lane | undefined {
    return this.#lanes.find(webhook)
  }

  /** The latest attempts, newest first. */
  attempts(): readonly AttemptRecord[] {
    return this.#records
  }

  state(): SimulatorState {
    return {
      version: 1,
      now: this.clock.now(),
      webhooks: this.webhooks.list(),
      lanes: this.#lanes.state,
      streams: this.#streams.map((stream) => stream.state),
    }
  }

  /** Cuts what is under way. */
  async stop(): Promise<void> {
    this.#cut.abort()
    clearTimeout(this.#timer)
    await Promise.all(this.#flights.keys())
    this.#posters.close()
  }

  /** Does what is due, and sees to it that it is called again in time. */
  #wake(): void {
    clearTimeout(this.#timer)
    if (this.#isAdvancing || this.#cut.signal.aborted) return
    this.#doDue(this.clock.now())
    const waitMs = this.clock.waitMs(this.#nextAt())
    if (waitMs > LONGEST_TIMER_MS) return
    this.#timer = setTimeout(() => this.#wake(), Math.ceil(waitMs))
  }

  async #advanceAlone(ms: number): Promise<void> {
    const { speed } = this.clock
    this.clock.setSpeed(0)
    this.#isAdvancing = true
    await this.#runUntil(this.clock.now() + ms)
    this.#isAdvancing = false
    this.setSpeed(speed)
  }

  async #runUntil(end: number): Promise<void> {
    for (let due = this.#nextAt(); due <= end; due = this.#nextAt()) {
      if (this.#cut.signal.aborted) return
      await this.#landed(due - LEAST_RETRY_MS)
      // What landed may be due again sooner.
      this.clock.set(Math.min(due, this.#nextAt()))
      const isIdle = !this.#doDue(this.clock.now())
      // Nothing more may be under way: one has to land first.
      if (isIdle && this.#flights.size > 0) await Promise.race(this.#flights.keys())
    }
    await this.#landed(end)
    if (this.#nextAt() <= end) return this.#runUntil(end)
    this.clock.set(end)
  }

  /** Resolves when no attempt is under way that began by `time`. */
  async #landed(time: number): Promise<void> {
    for (const [flight, startedAt] of this.#flights) if (startedAt <= time) await flight
  }

  #nextAt(): number {
    const nextEvent = Math.min(...this.#streams.map((stream) => stream.nextAt()))
    return Math.min(nextEvent, this.#lanes.nextDueAt())
  }

  /** Whether there was anything to do. */
  #doDue(now: number): boolean {
    let isAnything = false
    for (const stream of this.#streams) {
      for (const { event } of stream.takeUntil(now)) {
        this.#lanes.offer(stream.state.spec.provider, event, now)
        isAnything = true
      }
    }
    for (const due of this.#lanes.take(now)) {
      const flight = this.#attempt(due, now).then(() => {
        this.#flights.delete(flight)
        this.#wake()
      })
      this.#flights.set(flight, now)
      isAnything = true
    }
    return isAnything
  }

  async #attempt({ webhook, lane, batch }: DueBatch, startedAt: number): Promise<void> {
    const { random, now, onAttempt, whenPaused } = this.#options
    const means = { faults: this.faults, random, now: startedAt, signedAt: now() }
    const { body, headers, spreadMs } = signAttempt(webhook, batch, means)
    const answer = await this.#posters.to(webhook.url).post(body, headers, spreadMs)
    lane.underWay--
    if (this.#cut.signal.aborted) return
    const isOk = answer.status === 200
    const isAgain = isOk && !batch.isRepeat && occurs('redeliver', this.faults, random)
    const verdict = isOk ? (isAgain ? 'again' : 'ok') : 'failed'
    const end = lane.queue.settle(batch.id, verdict, startedAt)
    if (end === 'given_up' && whenPaused === 'drop') lane.queue.drop()
    lane.tally = countAttempt(lane.tally, batch, answer.status)
    // It may have been changed or deleted meanwhile.
    const current = this.webhooks.find(webhookKey(webhook))
    if (current) this.webhooks.put(noteAttempt(current, end, this.clock.now()))
    const record: AttemptRecord = {
      at: startedAt,
      webhook: webhookKey(webhook),
      batch: batch.id,
      attempt: batch.attempts + 1,
      events: batch.events.length,
      status: answer.status,
      answer: answer.text,
      durationMs: answer.durationMs,
      end,
    }
    this.#records.unshift(record)
    this.#records.length = Math.min(this.#records.length, KEPT_RECORDS)
    onAttempt(record)
  }

  /** Webhooks of one kind share a stream, as they share the provider's events. */
  #generateFor(webhook: Webhook): void {
    const { generate } = this.#options
    const kind = streamKindFor(webhook)
    const isBegun = this.#streams.some(({ state }) => state.spec.family === kind.family)
    if (!generate || isBegun || kind.types.length === 0) return
    const seed = generate.seed + this.#streams.length
    this.beginStream({ ...kind, ...generate, seed, startsAt: this.clock.now() })
  }
}
