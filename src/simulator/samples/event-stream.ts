import type { NormalisedName, ProviderName } from '../../model.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import type { Random, SampleEvent, SampleMail } from '../../providers/samples.ts'
import {
  createMail,
  createRandom,
  makeSample,
  sampleEvents,
  type TimedEvent,
  take,
} from './sample-events.ts'

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
    ? sampleEvents({ provider, types, random, startsAt, everyMs: overMs / events })
    : campaignEvents({ provider, types, mails, mailEveryMs, random, startsAt })
  for (const { occurredAt, event } of take(source, events)) {
    yield { occurredAt, event: nameStream(event, spec) }
  }
}

/** Audit and inbound events follow from nothing that is sent. */
const APART_FROM_MAILS = /^(activity_log\.|inbound)/

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

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

interface CampaignOptions extends Pick<StreamSpec, 'provider' | 'types' | 'startsAt'> {
  /** So many mails go out one after another; what follows from them ends the campaign. */
  readonly mails: number
  readonly mailEveryMs: number
  readonly random: Random
}

/** What happens to a mail, by the name that all providers share. */
interface PlannedStep {
  readonly at: number
  readonly step: NormalisedName
  readonly mail: SampleMail
}

/**
 * The events of one campaign after another, without end, in the order of their times: most mails are
 * delivered, some after a while; a third is opened within two days, few are clicked, fewer complain.
 * Memory is bounded by what is still to happen to mails already sent.
 */
function* campaignEvents(options: CampaignOptions): Generator<TimedEvent, never> {
  const { provider, types, mails, mailEveryMs, random, startsAt } = options
  const { describe, nameField } = PROVIDERS[provider]
  const wanted = new Map(types.map((type) => [describe({ [nameField]: type })?.name, type]))
  const planned: PlannedStep[] = []
  let sentAt = startsAt
  for (let sent = 1; ; sent++) {
    const mail = createMail(random)
    for (const { at, step } of planMail(sentAt, random)) insert(planned, { at, step, mail })
    const nextAt = sent % mails === 0 ? Number.POSITIVE_INFINITY : sentAt + mailEveryMs
    while (planned[0] !== undefined && planned[0].at <= nextAt) {
      const { at, step, mail: its } = planned.shift() as PlannedStep
      sentAt = Math.max(sentAt, at - mailEveryMs)
      const type = wanted.get(step)
      if (type === undefined) continue
      const facts = { type, mail: its, occurredAt: at, random }
      yield { occurredAt: at, event: makeSample(provider, facts) }
    }
    sentAt += mailEveryMs
  }
}

type Plan = Omit<PlannedStep, 'mail'>[]

/** One draw decides how the mail fares with its recipient's server. */
function planMail(sentAt: number, random: Random): Plan {
  const draw = random()
  const soon = sentAt + (1 + 20 * random()) * SECOND_MS
  if (draw < 0.005) return [{ at: sentAt + SECOND_MS, step: 'email.rejected' }]
  if (draw < 0.01) {
    const later = sentAt + 30 * MINUTE_MS
    return [{ at: sentAt + SECOND_MS, step: 'email.suspended' }, ...planDelivery(later, random)]
  }
  if (draw < 0.03) return [{ at: soon, step: 'email.bounced' }]
  if (draw < 0.07) {
    const later = soon + (5 + 25 * random()) * MINUTE_MS
    const end: Plan =
      random() < 0.75 ? planDelivery(later, random) : [{ at: later, step: 'email.bounced' }]
    return [{ at: soon, step: 'email.deferred' }, ...end]
  }
  return planDelivery(soon, random)
}

function planDelivery(at: number, random: Random): Plan {
  const plan: Plan = [{ at, step: 'email.delivered' }]
  let openedAt = at
  for (let share = 0.38; random() < share; share = 0.25) {
    openedAt += openDelayMs(random)
    plan.push({ at: openedAt, step: 'email.opened' })
    if (random() < 0.18)
      plan.push({ at: openedAt + 60 * random() * SECOND_MS, step: 'email.clicked' })
  }
  if (openedAt === at) return plan
  const draw = random()
  if (draw < 0.015) plan.push({ at: openedAt + MINUTE_MS, step: 'email.unsubscribed' })
  else if (draw < 0.018) plan.push({ at: openedAt + MINUTE_MS, step: 'email.complained' })
  return plan
}

/** From 20 s to two days, half of them within the first hour. */
function openDelayMs(random: Random): number {
  const [least, most] = [20 * SECOND_MS, 48 * HOUR_MS]
  return least * (most / least) ** (random() ** 0.8)
}

/** Keeps the plan in the order of time; steps of the same time stay in the order they came in. */
function insert(planned: PlannedStep[], step: PlannedStep): void {
  let low = 0
  let high = planned.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((planned[middle] as PlannedStep).at <= step.at) low = middle + 1
    else high = middle
  }
  planned.splice(low, 0, { ...step, at: Math.floor(step.at) })
}
