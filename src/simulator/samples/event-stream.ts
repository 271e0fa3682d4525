import type { ProviderName } from '../../model.ts'
import { pickFrom, type Random, type SampleEvent } from '../../providers/samples.ts'
import { campaignEvents, type TimedEvent } from './campaign-events.ts'
import { createMail, createRandom, makeSample, take } from './sample-events.ts'

/** Everything that decides which events come, and when: the same gives the same. */
export interface StreamSpec {
  readonly provider: ProviderName
  /** What the events belong to, for example `mailtrap/email_sending/bulk`. */
  readonly family: string
  /** In the provider's spelling of payloads. Never empty. */
  readonly types: readonly string[]
  /** Mailtrap's `sending_stream`; null: the events name none, as is assumed of campaigns. */
  readonly sendingStream: string | null
  /** Mailtrap's inbox of inbound events; null: that of the samples. */
  readonly inboxId: number | null
  readonly events: number
  /** In this time the mails go out; openings and clicks follow for days. */
  readonly overMs: number
  readonly seed: number
  /** Milliseconds since 1970. */
  readonly startsAt: number
}

/** A mail has about so many events. */
const EVENTS_PER_MAIL = 1.7
const CAMPAIGN_ID = 3301

/** The events of a stream in the order of their times. */
export function* streamEvents(spec: StreamSpec): Generator<TimedEvent> {
  const { provider, types, events, overMs, startsAt, seed } = spec
  const random = createRandom(seed)
  const mails = Math.ceil(events / EVENTS_PER_MAIL)
  const mailEveryMs = Math.max(1, overMs / mails)
  const source = types.every((type) => APART_FROM_MAILS.test(type))
    ? separateEvents(spec, random)
    : campaignEvents({ provider, types, mails, mailEveryMs, random, startsAt })
  for (const { occurredAt, event } of take(source, events)) {
    yield { occurredAt, event: nameStream(event, spec) }
  }
}

/** Audit and inbound events follow from nothing that is sent. */
const APART_FROM_MAILS = /^(activity_log\.|inbound)/

function* separateEvents(spec: StreamSpec, random: Random): Generator<TimedEvent, never> {
  const { provider, types, events, overMs, startsAt } = spec
  for (let count = 0; ; count++) {
    const occurredAt = Math.floor(startsAt + (overMs / events) * count)
    const type = pickFrom(types as [string, ...string[]], random)
    const facts = { type, mail: createMail(random), occurredAt, random }
    yield { occurredAt, event: makeSample(provider, facts) }
  }
}

function nameStream(event: SampleEvent, { sendingStream, inboxId }: StreamSpec): SampleEvent {
  if ('inbox_id' in event && inboxId !== null) return { ...event, inbox_id: inboxId }
  if (!('sending_stream' in event)) return event
  if (sendingStream !== null) return { ...event, sending_stream: sendingStream }
  const { sending_stream: _none, ...others } = event
  return { ...others, campaign_id: CAMPAIGN_ID }
}

/** A stream and how far it has come; can be kept as JSON. */
export interface StreamState {
  readonly spec: StreamSpec
  /** Events that have happened. */
  readonly made: number
}

export type RunningStream = ReturnType<typeof runStream>

/** Goes on with a stream: the same seed makes the same events again. */
export function runStream({ spec, made: before }: StreamState) {
  const events = streamEvents(spec)
  let made = before
  let next: TimedEvent | undefined
  const step = () => {
    const { value, done } = events.next()
    next = done ? undefined : value
  }
  for (let skipped = 0; skipped <= before; skipped++) step()
  return {
    /** When its next event happens; `Infinity`: it has ended. */
    nextAt: () => next?.occurredAt ?? Number.POSITIVE_INFINITY,
    /** The events that have happened by now. */
    takeUntil(now: number): TimedEvent[] {
      const taken: TimedEvent[] = []
      for (; next !== undefined && next.occurredAt <= now; step()) {
        taken.push(next)
        made++
      }
      return taken
    },
    get state(): StreamState {
      return { spec, made }
    },
  }
}
