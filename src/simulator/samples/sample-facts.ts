import type { Random } from './random.ts'

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
  readonly occurredAt: number
  readonly random: Random
}
