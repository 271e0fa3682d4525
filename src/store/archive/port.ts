import type { OfEngine, Steps } from '../steps.ts'

/** Events with these numbers are looked at together: from here on, up to before there. */
export interface SearchWindow {
  readonly from: number
  readonly before: number
}

/** The events of a window that may have this recipient, in lower case, or this message. */
export type FindLookups = (
  wanted: Readonly<Record<'recipient' | 'messageId', string | undefined>>,
  window: SearchWindow,
) => Steps<number[]>

/** What an engine gives so that its tables can be read. */
export interface Reading extends OfEngine {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The keys, of 16 bytes, under which an event with this id of its provider's may be known. */
  readonly keysOf: (eventId: string) => readonly Uint8Array[]
  /** The events that have these keys, where `keys` is no table. */
  readonly findByKeys?: (keys: readonly Uint8Array[]) => Steps<readonly number[]>
  /** Where no index leads to recipients and messages. */
  readonly findLookups?: FindLookups
}

export interface ArchivePort extends Reading {
  /** One snapshot for all that these steps read; they may be begun several times. */
  readonly inSnapshot: <Result>(begin: () => Steps<Result>) => Promise<Result>
}
