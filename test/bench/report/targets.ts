import type { BenchFigures, BenchRound } from '../run-bench.ts'
import { spreadOf } from './spread.ts'

/** What the receiver has to reach, and whether it did. */
export interface Target {
  readonly goal: string
  /** As for people; undefined: could not be measured here. */
  readonly figure: string | undefined
  readonly needed: string
  readonly isReached: boolean | undefined
}

const MEGABYTE = 1e6

/** Ratios are taken within a round and their median counts; of stalls and memory the worst does. */
export function judge({ rounds }: Pick<BenchFigures, 'rounds'>): Target[] {
  const median = (read: (round: BenchRound) => number) => spreadOf(rounds.map(read)).median
  const acks = median(({ receiver, sample }) => receiver.ackedPerSecond / sample.ackedPerSecond)
  const p99 = median(({ receiver, sample }) => receiver.ackMs.p99 / sample.ackMs.p99)
  const events = median(({ outcomes }) => outcomes.eventsPerSecond)
  const stalls = rounds.flatMap(({ receiver, outcomes }) => [receiver.stallMs, outcomes.stallMs])
  const memory = rounds.flatMap(({ receiver, outcomes }) => [receiver.rssBytes, outcomes.rssBytes])
  const stall = Math.max(...stalls)
  const rss = memory.includes(undefined) ? undefined : Math.max(...memory.map(Number)) / MEGABYTE
  return [
    {
      goal: '(b) acks a second, of (a)’s',
      figure: acks.toFixed(2),
      needed: '>= 0.70',
      isReached: acks >= 0.7,
    },
    {
      goal: '(b) ack p99, of (a)’s',
      figure: p99.toFixed(2),
      needed: '<= 1.00',
      isReached: p99 <= 1,
    },
    {
      goal: '(c) events a second, first byte to last outcome',
      figure: Math.round(events).toLocaleString('en'),
      needed: '>= 25,000',
      isReached: events >= 25_000,
    },
    {
      goal: '(b) (c) longest stall of the event loop that acks',
      figure: `${stall.toFixed(0)} ms`,
      needed: '<= 50 ms',
      isReached: stall <= 50,
    },
    {
      goal: '(b) (c) most memory of the server',
      figure: rss === undefined ? undefined : `${rss.toFixed(0)} MB`,
      needed: '< 300 MB',
      isReached: rss === undefined ? undefined : rss < 300,
    },
  ]
}
