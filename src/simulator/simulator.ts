import type { ProviderName } from '../model.ts'
import type { SampleEvent } from '../providers/samples.ts'
import { type RunningStream, runStream, type StreamSpec } from './samples/event-stream.ts'
import { createPoster, type Poster } from './send-request.ts'
import { type Faults, occurs } from './sending/faults.ts'
import {
  type AttemptJson,
  type DueBatch,
  noteAnswer,
  type SenderOptions,
  Senders,
  type SimulatorState,
} from './sending/senders.ts'
import { signAttempt } from './sending/sign-attempt.ts'
import type { VirtualClock } from './sending/virtual-clock.ts'
import { noteAttempt, streamKindFor, type Webhook } from './sending/webhook.ts'

/** No retry comes sooner, so the clock may go on so far before an answer is there. */
const LEAST_RETRY_MS = 60_000
const LONGEST_TIMER_MS = 2 ** 31 - 1
const KEPT_RECORDS = 200

export interface SimulatorOptions extends Pick<SenderOptions, 'random' | 'retries' | 'whenPaused'> {
  readonly clock: VirtualClock
  /** Random lower-case hex digits, for secrets and ids. */
  readonly randomHex: (digits: number) => string
  /** Begun when the first webhook of a kind is created; undefined: events are only posted. */
  readonly generate: Pick<StreamSpec, 'events' | 'overMs' | 'seed'> | undefined
  /** How long an answer may take, by our clock. */
  readonly timeoutMs: number
  readonly faults: Faults
  /** Our clock, milliseconds since 1970. */
  readonly now: () => number
  readonly elapsedMs: () => number
  readonly onAttempt: (record: AttemptJson) => void
  readonly state?: SimulatorState | undefined
}

/** Both providers: who has which webhook, and what is sent to it. */
export class Simulator {
  readonly clock: VirtualClock
  readonly randomHex: (digits: number) => string
  faults: Faults
  readonly #options: SimulatorOptions
  readonly senders: Senders
  readonly #poster: Poster
  readonly #streams: RunningStream[]
  /** Attempts under way, and when each began by the simulator's clock. */
  readonly #flights = new Map<Promise<void>, number>()
  readonly #cut = new AbortController()
  /** The latest, newest first. */
  readonly attempts: AttemptJson[] = []
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
    this.senders = new Senders({ ...options, faults: () => this.faults }, state)
    this.#streams = (state?.streams ?? []).map(runStream)
    const { signal: stopped } = this.#cut
    this.#poster = createPoster({ connections: 16, timeoutMs, elapsedMs, stopped })
    this.#wake()
  }

  /** Adds a new webhook; with events of its own, if they are to be generated. */
  create(webhook: Webhook): void {
    this.senders.add(webhook)
    this.#generateFor(webhook)
    this.#wake()
  }

  /** Puts a changed one in its place. One that sends again begins anew. */
  change(webhook: Webhook): void {
    this.senders.change(webhook, this.clock.now())
    this.#wake()
  }

  /** Offers an event to all webhooks; answers how many want it. */
  post(provider: ProviderName, event: SampleEvent): number {
    const wanting = this.senders.offer(provider, event, this.clock.now())
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
    this.#advances = this.#advances.then(() => this.#advanceAlone(ms))
    await this.#advances
  }

  state(): SimulatorState {
    return {
      version: 2,
      now: this.clock.now(),
      ...this.senders.state,
      streams: this.#streams.map((stream) => stream.state),
    }
  }

  /** Cuts what is under way. */
  async stop(): Promise<void> {
    this.#cut.abort()
    clearTimeout(this.#timer)
    await Promise.all(this.#flights.keys())
    this.#poster.close()
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
    return Math.min(nextEvent, this.senders.nextDueAt())
  }

  /** Whether there was anything to do. */
  #doDue(now: number): boolean {
    let isAnything = false
    for (const stream of this.#streams) {
      for (const { event } of stream.takeUntil(now)) {
        this.senders.offer(stream.state.spec.provider, event, now)
        isAnything = true
      }
    }
    for (const due of this.senders.take(now)) {
      const flight = this.#attempt(due, now).then(() => {
        this.#flights.delete(flight)
        this.#wake()
      })
      this.#flights.set(flight, now)
      isAnything = true
    }
    return isAnything
  }

  async #attempt(due: DueBatch, startedAt: number): Promise<void> {
    const { sender, batch } = due
    const { webhook } = sender
    const { random, now, onAttempt, whenPaused } = this.#options
    const means = { faults: this.faults, random, now: startedAt, signedAt: now() }
    const { body, headers, spreadMs } = signAttempt(webhook, batch, means)
    const answer = await this.#poster.post(new URL(webhook.url), body, headers, spreadMs)
    sender.underWay--
    if (this.#cut.signal.aborted) return
    const isOk = answer.status === 200
    const isAgain = isOk && !batch.isRepeat && occurs('redeliver', this.faults, random)
    const verdict = isOk ? (isAgain ? 'again' : 'ok') : 'failed'
    const end = sender.queue.settle(batch.id, verdict, startedAt)
    if (end === 'given_up' && whenPaused === 'drop') sender.queue.drop()
    // It may have been changed meanwhile.
    sender.webhook = noteAttempt(sender.webhook, end, this.clock.now())
    const record = noteAnswer(due, answer, { startedAt, end })
    this.attempts.unshift(record)
    this.attempts.length = Math.min(this.attempts.length, KEPT_RECORDS)
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
