/** A number from 0 up to, not including, 1. */
export type Random = () => number

export type SampleEvent = Readonly<Record<string, unknown>>

/** One mail that events speak of. */
export interface SampleMail {
  readonly messageId: string
  readonly recipient: string
  readonly category: string
}

/** What a provider's sample is made of. */
export interface SampleFacts {
  readonly type: string
  readonly mail: SampleMail
  /** Milliseconds since 1970. */
  readonly occurredAt: number
  /** Decides among the details that a type may have; always 0: the first of them. */
  readonly random: Random
  /** Makes ids, each its own. */
  readonly uuid: () => string
}

export function pickFrom<const Items extends readonly [unknown, ...unknown[]]>(
  items: Items,
  random: Random,
): Items[number] {
  return items[Math.floor(random() * items.length)]
}

/** An address of the block for documentation. */
export function pickAddress(random: Random): string {
  return `203.0.113.${24 + Math.floor(random() * 200)}`
}
