import type { ProviderName } from '../../model.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import {
  pickFrom,
  type Random,
  type SampleEvent,
  type SampleFacts,
  type SampleMail,
} from '../../providers/samples.ts'

/** Pseudo-random numbers: the same seed gives the same sequence. Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A UUID of version 4 by its form. */
export function randomUuid(random: Random): string {
  const hex = (digits: number) =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  const variant = '89ab'.charAt(Math.floor(random() * 4))
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(8)}${hex(4)}`
}

/** How often each kind of event comes, in a thousand, as of a healthy shop's mail. */
const MIXES: Readonly<Record<ProviderName, Readonly<Record<string, number>>>> = {
  mailtrap: {
    delivery: 610,
    open: 230,
    click: 70,
    'soft bounce': 40,
    bounce: 25,
    unsubscribe: 10,
    suspension: 5,
    reject: 5,
    spam: 5,
  },
  mailingapi: {
    delivered: 620,
    opened: 230,
    clicked: 70,
    deferred: 40,
    bounced: 25,
    unsubscribed: 10,
    complained: 5,
  },
}

const OTHER_TYPES: Readonly<Record<ProviderName, readonly string[]>> = {
  mailtrap: ['inbound.message_received', 'activity_log.user.updated'],
  mailingapi: ['inbound'],
}

/** Families whose names are an open list. */
const OPEN_TYPES: Readonly<Partial<Record<ProviderName, RegExp>>> = {
  mailtrap: /^activity_log(\.\w+)+$/,
}

const SPELLINGS: Readonly<Record<string, string>> = {
  soft_bounce: 'soft bounce',
  spam_complaint: 'spam',
}

/** What `--type` takes. */
export function listTypes(provider: ProviderName): string[] {
  return [...Object.keys(MIXES[provider]), ...OTHER_TYPES[provider]]
}

/** The provider's own spelling of a type; undefined when it cannot be generated. */
export function findType(provider: ProviderName, text: string): string | undefined {
  const type = SPELLINGS[text] ?? text
  if (OPEN_TYPES[provider]?.test(type)) return type
  return listTypes(provider).find((known) => known === type)
}

/** Draws types: equally often of those given, else as the mix says. */
function createTypeDraw(
  provider: ProviderName,
  types: readonly string[],
): (random: Random) => string {
  const mix = MIXES[provider]
  const weights = types.length === 0 ? Object.entries(mix) : types.map((type) => [type, 1] as const)
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  return (random) => {
    let rest = random() * total
    for (const [type, weight] of weights) {
      rest -= weight
      if (rest < 0) return type
    }
    return weights[0]?.[0] ?? 'delivery'
  }
}

interface SampleOptions {
  readonly provider: ProviderName
  /** Empty: the provider's usual mix. */
  readonly types: readonly string[]
  readonly random: Random
  /** When the first event happened, milliseconds since 1970; the others follow. */
  readonly startsAt: number
  /** Between two events. */
  readonly everyMs: number
}

export interface TimedEvent {
  /** Milliseconds since 1970. */
  readonly occurredAt: number
  readonly event: SampleEvent
}

/** Times of seeded events count from here: the same seed gives the same bytes. */
export const SEEDED_START = Date.UTC(2026, 0, 1)
const REMEMBERED_MAILS = 500
const FOLLOW_UPS = /^(open|click|unsubscribe|complain|spam)/
const CATEGORIES = ['Invoice', 'Welcome', 'Password reset', 'Newsletter'] as const

/**
 * Makes events one by one, for ever, in bounded memory. Openings and clicks speak of mails that
 * were delivered before.
 */
export function* sampleEvents(options: SampleOptions): Generator<TimedEvent, never> {
  const { provider, types, random, startsAt, everyMs } = options
  const drawType = createTypeDraw(provider, types)
  const mails: SampleMail[] = []
  let delivered = 0
  for (let count = 0; ; count++) {
    const type = drawType(random)
    const earlier = FOLLOW_UPS.test(type) ? mails[Math.floor(random() * mails.length)] : undefined
    const mail = earlier ?? createMail(random)
    if (type.startsWith('deliver')) mails[delivered++ % REMEMBERED_MAILS] = mail
    const occurredAt = Math.floor(startsAt + count * everyMs)
    yield { occurredAt, event: makeSample(provider, { type, mail, occurredAt, random }) }
  }
}

/** One event of it. Throws when the provider has no such type. */
export function makeSample(provider: ProviderName, facts: Omit<SampleFacts, 'uuid'>): SampleEvent {
  const sample = PROVIDERS[provider].makeSample({ ...facts, uuid: () => randomUuid(facts.random) })
  if (sample === undefined) throw new TypeError(`There is no sample of ${facts.type}.`)
  return sample
}

/** A mail to somebody. */
export function createMail(random: Random): SampleMail {
  return {
    messageId: randomUuid(random),
    recipient: `user${Math.floor(random() * 100_000)}@example.com`,
    category: pickFrom(CATEGORIES, random),
  }
}

/** The first `count` of endless events. */
export function* take<Item>(items: Iterable<Item>, count: number): Generator<Item> {
  if (count <= 0) return
  let left = count
  for (const item of items) {
    yield item
    if (--left === 0) return
  }
}
