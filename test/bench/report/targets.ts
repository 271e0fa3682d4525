import type { ReceiverRound } from '../rounds/receiver-parts.ts'
import type { BenchFigures, BenchRound } from '../run-bench.ts'
import { JOB_LIBRARIES } from '../servers/jobs/job-libraries.ts'
import { type Style, showSpread } from './markdown.ts'
import { type Spread, spreadOf } from './spread.ts'
import { ratioOf } from './tables.ts'

/** What the receiver has to reach, and whether it did. */
export interface Target {
  readonly goal: string
  readonly wanted: string
  /** As for people, with its spread. */
  readonly figure: string
  readonly isMet: boolean
}

interface Wanted extends Style {
  readonly goal: string
  readonly wanted: string
  /** Of the rounds; those that did not measure it have none. */
  readonly values: readonly (number | undefined)[]
  readonly isMet: (value: number) => boolean
  /** Which of the rounds counts; default: their median. */
  readonly counts?: keyof Spread
}

/** Ratios are taken within a round and their median counts; of memory and late acks the worst does. */
export function judge(figures: Pick<BenchFigures, 'rounds' | 'receivers'>): Target[] {
  const [ours, ...others] = figures.receivers
  if (!ours) return []
  const { rounds } = figures
  const wanted = [
    ...others.flatMap((other) =>
      other.isSketch
        ? ofSketch(rounds, ours.name, other.name)
        : ofBuild(rounds, ours.name, other.name),
    ),
    ...ofOurs(rounds, ours.name),
    ...ofShared(rounds, ours.name),
    ...ofLarge(rounds),
    ...ofBacklog(rounds),
  ]
  return wanted.flatMap(({ goal, wanted, values, isMet, counts = 'median', ...style }) => {
    const known = values.filter((value) => value !== undefined && Number.isFinite(value))
    if (known.length === 0) return []
    const spread = spreadOf(known as number[])
    return [{ goal, wanted, figure: showSpread(spread, style), isMet: isMet(spread[counts]) }]
  })
}

const atLeast = (limit: number) => ({
  wanted: `at least ${limit}`,
  isMet: (value: number) => value >= limit,
  digits: 2,
})
const atMost = (limit: number) => ({
  wanted: `at most ${limit}`,
  isMet: (value: number) => value <= limit,
  digits: 2,
})
const below = (limit: number, unit: string, digits = 0) => ({
  wanted: `at most ${limit.toLocaleString('en')}${unit}`,
  isMet: (value: number) => value <= limit,
  digits,
  unit,
})

function ofBuild(rounds: readonly BenchRound[], ours: string, other: string): Wanted[] {
  const ratio = (goal: string, read: (one: ReceiverRound) => number | undefined) => ({
    goal: `${goal}, of ${other}’s`,
    values: rounds.map((round) => ratioOf(round, ours, other, read)),
  })
  return [
    { ...ratio('one handler: events a second', ({ one }) => one?.eventsPerSecond), ...atLeast(4) },
    {
      ...ratio('three handlers: events a second', ({ three }) => three?.eventsPerSecond),
      ...atLeast(3),
    },
    {
      ...ratio('batches of one: processor time', ({ singles }) => singles?.serverUsPerBatch),
      ...atMost(1),
    },
    {
      ...ratio('batches of ten: processor time', ({ tens }) => tens?.serverUsPerBatch),
      ...atMost(1),
    },
    { ...ratio('stored an event', ({ one }) => one?.storedBytesPerEvent), ...atMost(0.6) },
  ]
}

function ofSketch(rounds: readonly BenchRound[], ours: string, other: string): Wanted[] {
  return [
    {
      goal: `one handler: processor time an event, of ${other}’s`,
      values: rounds.map((round) =>
        ratioOf(round, ours, other, ({ one }) => one?.serverUsPerEvent),
      ),
      ...atMost(1.7),
    },
  ]
}

const SYNCS = 3
const CALM_MS = 15

function ofOurs(rounds: readonly BenchRound[], ours: string): Wanted[] {
  const each = (read: (one: ReceiverRound, round: BenchRound) => number | undefined) =>
    rounds.map((round) => {
      const one = round.receivers[ours]
      return one && read(one, round)
    })
  const perSample = (read: (acks: NonNullable<ReceiverRound['acks']>) => number) =>
    each(({ acks }, { sample }) => acks && sample && read(acks) / read(sample))
  return [
    {
      goal: 'one handler: written an event',
      values: each(({ one }) => one?.writtenBytesPerEvent),
      ...below(2_000, ' bytes'),
    },
    {
      goal: 'acks a second, of the provider’s sample’s',
      values: perSample((acks) => acks.ackedPerSecond),
      ...atLeast(1),
    },
    {
      goal: 'ack p99, of the sample’s and three synced batches’ (their p99)',
      values: each(
        ({ acks }, { sample, disk }) =>
          acks && sample && acks.ackMs.p99 / (sample.ackMs.p99 + SYNCS * disk.batchMs.p99),
      ),
      ...atMost(1),
    },
    {
      goal: 'ack p99 at a fifth of the load, of 15 ms or three synced batches’',
      values: each(
        ({ calm }, { disk }) =>
          calm && calm.ackMs.p99 / Math.max(CALM_MS, SYNCS * disk.batchMs.p99),
      ),
      ...atMost(1),
    },
    {
      goal: 'longest stall, of the sample’s',
      values: perSample((acks) => acks.stallMs),
      ...atMost(1),
    },
    {
      goal: 'JSON Lines: events a second, of JSON’s',
      values: each(({ lines, one }) => lines && one && lines.eventsPerSecond / one.eventsPerSecond),
      ...atLeast(1),
    },
    {
      goal: 'most memory of the server',
      values: rounds.map((round) => mostMemory(round, ours)),
      ...below(250, ' MB'),
      counts: 'highest',
    },
  ]
}

/** But with a backlog, which has a limit of its own. */
function mostMemory({ receivers, shared, large }: BenchRound, ours: string): number | undefined {
  const one = receivers[ours] ?? {}
  const figures = [
    ...Object.values(one),
    ...Object.values(shared?.receivers[ours] ?? {}),
    ...Object.values(large?.empty ?? {}),
    ...Object.values(large?.full ?? {}),
  ]
  const known = figures.flatMap((figure) => figure?.rssBytes ?? [])
  return known.length > 0 ? Math.max(...known) / 1e6 : undefined
}

function ofShared(rounds: readonly BenchRound[], ours: string): Wanted[] {
  const speed = (round: BenchRound, name: string) =>
    round.shared?.receivers[name]?.outcomes.eventsPerSecond ?? Number.NaN
  const best = ({ shared }: BenchRound) =>
    Math.max(...JOB_LIBRARIES.map((name) => shared?.libraries[name]?.outcomes.eventsPerSecond ?? 0))
  const names = Object.keys(rounds[0]?.shared?.receivers ?? {}).filter((name) => name !== ours)
  return [
    ...names.map((name) => ({
      goal: `PostgreSQL: events a second, of ${name}’s`,
      values: rounds.map((round) => speed(round, ours) / speed(round, name)),
      ...atLeast(2.5),
    })),
    {
      goal: 'PostgreSQL: events a second, of the best library’s',
      values: rounds.map((round) => speed(round, ours) / best(round)),
      ...atLeast(2),
    },
  ]
}

function ofLarge(rounds: readonly BenchRound[]): Wanted[] {
  const all = rounds.flatMap(({ large }) => large ?? [])
  type Store = (typeof all)[number]['full']
  const ratio = (read: (store: Store) => number) =>
    all.map(({ full, empty }) => read(full) / read(empty))
  const more = (read: (store: Store) => number) =>
    all.map(({ full, empty }) => read(full) - read(empty))
  const memory = ({ acks, outcomes }: Store) =>
    Math.max(acks.rssBytes ?? Number.NaN, outcomes.rssBytes ?? Number.NaN) / 1e6
  const written = ({ outcomes }: Store) => outcomes.writtenBytesPerEvent ?? Number.NaN
  return [
    {
      goal: 'large store: acks, of the empty one’s',
      values: ratio(({ acks }) => acks.ackedPerSecond),
      ...atLeast(0.8),
    },
    {
      goal: 'large store: events a second, of the empty one’s',
      values: ratio(({ outcomes }) => outcomes.eventsPerSecond),
      ...atLeast(0.8),
    },
    {
      goal: 'large store: written an event, of the empty one’s',
      values: ratio(written),
      ...atMost(1.5),
    },
    { goal: 'large store: more memory', values: more(memory), ...below(60, ' MB') },
    {
      goal: 'large store: more from start to ready',
      values: more(({ outcomes }) => outcomes.startMs / 1_000),
      ...below(0.5, ' s', 2),
    },
  ]
}

function ofBacklog(rounds: readonly BenchRound[]): Wanted[] {
  const all = rounds.flatMap(({ backlog }) => backlog ?? [])
  const counts = 'highest' as const
  return [
    {
      goal: 'backlog: slowest ack',
      values: all.map(({ acks }) => acks.ackMs.max),
      ...below(5_000, ' ms'),
      counts,
    },
    {
      goal: 'backlog: live ack p99 while it is worked off',
      values: all.map(({ live }) => live.ackMs.p99),
      ...below(500, ' ms'),
    },
    {
      goal: 'backlog: most memory of the server',
      values: all.map(({ rssBytes }) => (rssBytes ?? Number.NaN) / 1e6),
      ...below(400, ' MB'),
      counts,
    },
  ]
}
