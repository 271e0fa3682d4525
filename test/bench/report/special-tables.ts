import type { BacklogFigures } from '../rounds/backlog-round.ts'
import type { StoreRound } from '../rounds/large-round.ts'
import type { SharedFigures } from '../rounds/shared-round.ts'
import type { BenchFigures } from '../run-bench.ts'
import { type Column, compare, type Line, megabytes } from './tables.ts'

const SHARED_LINES: readonly Line<SharedFigures>[] = [
  { name: 'acks: batches a second', read: ({ acks }) => acks.ackedPerSecond },
  { name: 'ack p99', unit: ' ms', read: ({ acks }) => acks.ackMs.p99 },
  { name: 'end to end: events a second', read: ({ outcomes }) => outcomes.eventsPerSecond },
  {
    name: 'processor time an event, with the database',
    unit: ' µs',
    read: ({ outcomes }) => outcomes.processorUsPerEvent,
  },
  {
    name: 'processor time an event, without it',
    unit: ' µs',
    read: ({ outcomes }) => outcomes.serverUsPerEvent,
  },
  { name: 'most memory', unit: ' MB', read: ({ outcomes }) => megabytes(outcomes.rssBytes) },
]

const STORE_LINES: readonly Line<StoreRound>[] = [
  { name: 'acks: batches a second', read: ({ acks }) => acks.ackedPerSecond },
  { name: 'ack p99', unit: ' ms', digits: 1, read: ({ acks }) => acks.ackMs.p99 },
  { name: 'end to end: events a second', read: ({ outcomes }) => outcomes.eventsPerSecond },
  {
    name: 'processor time an event',
    unit: ' µs',
    digits: 1,
    read: ({ outcomes }) => outcomes.serverUsPerEvent,
  },
  {
    name: 'written an event',
    unit: ' bytes',
    read: ({ outcomes }) => outcomes.writtenBytesPerEvent,
  },
  {
    name: 'most memory',
    unit: ' MB',
    read: ({ acks, outcomes }) =>
      megabytes(Math.max(acks.rssBytes ?? Number.NaN, outcomes.rssBytes ?? Number.NaN)),
  },
  { name: 'start to ready', unit: ' ms', read: ({ outcomes }) => outcomes.startMs },
]

const BACKLOG_LINES: readonly Line<BacklogFigures>[] = [
  { name: 'events that waited', read: ({ events }) => events },
  { name: 'acks: batches a second', read: ({ acks }) => acks.ackedPerSecond },
  { name: 'ack p99', unit: ' ms', read: ({ acks }) => acks.ackMs.p99 },
  { name: 'ack max', unit: ' ms', read: ({ acks }) => acks.ackMs.max },
  { name: 'until all was unpacked', unit: ' s', digits: 1, read: (one) => one.secondsToUnpack },
  { name: 'worked off, events a second', read: ({ eventsPerSecond }) => eventsPerSecond },
  { name: 'live acks meanwhile: p99', unit: ' ms', digits: 1, read: ({ live }) => live.ackMs.p99 },
  { name: 'live acks meanwhile: max', unit: ' ms', digits: 1, read: ({ live }) => live.ackMs.max },
  { name: 'most memory', unit: ' MB', read: ({ rssBytes }) => megabytes(rssBytes) },
]

/** On PostgreSQL, on a large store, and with a backlog: those that were asked for. */
export function specialTables(figures: BenchFigures): string[] {
  return [...sharedTable(figures), ...largeTable(figures), ...backlogTable(figures)]
}

function sharedTable({ shared, rounds, receivers }: BenchFigures): string[] {
  if (!shared) return []
  const redis = `Redis ${shared.redisVersion}, synced always`
  const columns: Column<SharedFigures>[] = [
    ...receivers.map(
      ({ name }): Column<SharedFigures> => [
        name,
        rounds.map((round) => round.shared?.receivers[name]),
      ],
    ),
    ...Object.entries(shared.libraries).map(
      ([name, version]): Column<SharedFigures> => [
        `${name} ${version}${name === 'bullmq' ? ` on ${redis}` : ''}`,
        rounds.map((round) => round.shared?.libraries[name as keyof typeof shared.libraries]),
      ],
    ),
  ]
  return [
    `On PostgreSQL ${shared.postgresVersion}:`,
    '',
    ...compare(columns, SHARED_LINES),
    '',
    ...shared.gaps.flatMap((gap) => [gap, '']),
  ]
}

function largeTable({ rounds, options, seededBytesPerEvent }: BenchFigures): string[] {
  const all = rounds.flatMap(({ large }) => large ?? [])
  if (all.length === 0) return []
  const stored = options.largeEvents.toLocaleString('en')
  return [
    `With ${stored} events in the store, ${Math.round(seededBytesPerEvent ?? 0)} bytes each:`,
    '',
    ...compare(
      [
        ['empty', all.map(({ empty }) => empty)],
        [stored, all.map(({ full }) => full)],
      ],
      STORE_LINES,
    ),
    '',
  ]
}

function backlogTable({ rounds, receivers }: BenchFigures): string[] {
  const all = rounds.flatMap(({ backlog }) => backlog ?? [])
  if (all.length === 0) return []
  const title = 'Events that come while the handler is paused, then it is resumed:'
  return [title, '', ...compare([[receivers[0]?.name ?? '', all]], BACKLOG_LINES), '']
}
