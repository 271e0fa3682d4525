import type { AckFigures } from '../rounds/measure-acks.ts'
import type { OutcomeFigures } from '../rounds/measure-outcomes.ts'
import type { ReceiverRound } from '../rounds/receiver-parts.ts'
import type { BenchFigures, BenchRound } from '../run-bench.ts'
import { type Style, showRounds, table } from './markdown.ts'

export interface Line<Figures> extends Style {
  readonly name: string
  readonly read: (figures: Figures) => number | undefined
}

export const megabytes = (bytes: number | undefined) => bytes && bytes / 1e6

export const ACK_LINES: readonly Line<AckFigures>[] = [
  { name: 'batches a second', read: ({ ackedPerSecond }) => ackedPerSecond },
  { name: 'ack p50', unit: ' ms', digits: 1, read: ({ ackMs }) => ackMs.p50 },
  { name: 'ack p99', unit: ' ms', digits: 1, read: ({ ackMs }) => ackMs.p99 },
  { name: 'ack max', unit: ' ms', digits: 1, read: ({ ackMs }) => ackMs.max },
  { name: 'longest stall', unit: ' ms', digits: 1, read: ({ stallMs }) => stallMs },
  { name: 'cores of the server', digits: 2, read: ({ serverCores }) => serverCores },
  { name: 'most memory', unit: ' MB', read: ({ rssBytes }) => megabytes(rssBytes) },
]

export const OUTCOME_LINES: readonly Line<OutcomeFigures>[] = [
  { name: 'events a second', read: ({ eventsPerSecond }) => eventsPerSecond },
  {
    name: 'processor time an event',
    unit: ' µs',
    digits: 1,
    read: ({ serverUsPerEvent }) => serverUsPerEvent,
  },
  {
    name: 'written an event',
    unit: ' bytes',
    read: ({ writtenBytesPerEvent }) => writtenBytesPerEvent,
  },
  {
    name: 'stored an event',
    unit: ' bytes',
    read: ({ storedBytesPerEvent }) => storedBytesPerEvent,
  },
  { name: 'ack p99 meanwhile', unit: ' ms', digits: 1, read: ({ acks }) => acks.ackMs.p99 },
  { name: 'longest stall', unit: ' ms', digits: 1, read: ({ stallMs }) => stallMs },
  { name: 'most memory', unit: ' MB', read: ({ rssBytes }) => megabytes(rssBytes) },
  {
    name: 'memory of the handlers',
    unit: ' MB',
    read: ({ childRssBytes }) => megabytes(childRssBytes),
  },
]

const SMALL_LINES: readonly Line<OutcomeFigures>[] = [
  {
    name: 'processor time a batch',
    unit: ' µs',
    read: ({ serverUsPerBatch }) => serverUsPerBatch,
  },
  { name: 'batches a second', read: ({ batches, seconds }) => batches / seconds },
  {
    name: 'written a batch',
    unit: ' bytes',
    read: ({ writtenBytesPerEvent: bytes, events, batches }) => bytes && (bytes * events) / batches,
  },
  { name: 'ack p99 meanwhile', unit: ' ms', digits: 1, read: ({ acks }) => acks.ackMs.p99 },
]

type OutcomePart = 'one' | 'three' | 'singles' | 'tens' | 'lines'

const OUTCOME_PARTS: readonly (readonly [OutcomePart, string, readonly Line<OutcomeFigures>[]])[] =
  [
    ['one', 'End to end, one handler that does nothing', OUTCOME_LINES],
    ['three', 'End to end, three handlers that do nothing', OUTCOME_LINES],
    ['singles', 'Batches of one event', SMALL_LINES],
    ['tens', 'Batches of ten events', SMALL_LINES],
    ['lines', 'JSON Lines, one handler', OUTCOME_LINES],
  ]

/** What the receivers did, part by part. */
export function receiverTables({ rounds, receivers }: BenchFigures): string[] {
  const names = receivers.map(({ name }) => name)
  const acks = (part: 'acks' | 'calm', title: string): string[] => {
    const columns = names.map((name): Column<AckFigures> => [name, ofReceiver(rounds, name, part)])
    if (!isMeasured(columns)) return []
    const sample: Column<AckFigures> = ['provider’s sample', rounds.map((one) => one.sample)]
    const hasSample = part === 'acks' && isMeasured([sample])
    return [title, '', ...compare(hasSample ? [sample, ...columns] : columns, ACK_LINES), '']
  }
  return [
    ...acks('acks', 'Acks, as fast as they are answered:'),
    ...acks('calm', 'Acks at a fifth of the load that the provider’s sample takes:'),
    ...OUTCOME_PARTS.flatMap(([part, title, lines]) => {
      const columns = names.map(
        (name): Column<OutcomeFigures> => [name, ofReceiver(rounds, name, part)],
      )
      return isMeasured(columns) ? [`${title}:`, '', ...compare(columns, lines), ''] : []
    }),
  ]
}

/** A name, and what was measured of it in each round. */
export type Column<Figures> = readonly [string, readonly (Figures | undefined)[]]

/**
 * Beside the figures, how those of the first column compare with those of the others: of each round,
 * the median.
 */
export function compare<Figures>(
  columns: readonly Column<Figures>[],
  lines: readonly Line<Figures>[],
): string[] {
  const shown = columns.filter((column) => isMeasured([column]))
  const rows = lines.map((line) => [
    line.name,
    ...shown.map(([, figures]) =>
      showRounds(
        figures.map((one) => one && line.read(one)),
        line,
      ),
    ),
  ])
  return table(['', ...shown.map(([name]) => name)], rows)
}

function isMeasured<Figures>(columns: readonly Column<Figures>[]): boolean {
  return columns.some(([, figures]) => figures.some((one) => one !== undefined))
}

function ofReceiver<Part extends keyof ReceiverRound>(
  rounds: readonly BenchRound[],
  name: string,
  part: Part,
): ReceiverRound[Part][] {
  return rounds.map(({ receivers }) => receivers[name]?.[part])
}

/** Of each other receiver: what ours is of it, in the same round. */
export function ratioTable({ rounds, receivers }: BenchFigures): string[] {
  const [ours, ...others] = receivers
  if (!ours || others.length === 0) return []
  const rows = RATIOS.map(({ name, read }) => [
    name,
    ...others.map((other) =>
      showRounds(
        rounds.map((round) => ratioOf(round, ours.name, other.name, read)),
        { digits: 2 },
      ),
    ),
  ]).filter(([, ...cells]) => cells.some((cell) => cell !== '–'))
  if (rows.length === 0) return []
  return [
    `What ${ours.name} is of the others, round by round:`,
    '',
    ...table(['', ...others.map(({ name }) => `of ${name}’s`)], rows),
    '',
  ]
}

/** What ours is of the other's; undefined unless both were measured. */
export function ratioOf(
  round: BenchRound,
  ours: string,
  other: string,
  read: (one: ReceiverRound) => number | undefined,
): number | undefined {
  const [mine, its] = [round.receivers[ours], round.receivers[other]].map((one) => one && read(one))
  return mine === undefined || its === undefined ? undefined : mine / its
}

const RATIOS: readonly { name: string; read: (one: ReceiverRound) => number | undefined }[] = [
  { name: 'acks: batches a second', read: ({ acks }) => acks?.ackedPerSecond },
  { name: 'acks: p99', read: ({ acks }) => acks?.ackMs.p99 },
  { name: 'acks at a fifth of the load: p99', read: ({ calm }) => calm?.ackMs.p99 },
  { name: 'one handler: events a second', read: ({ one }) => one?.eventsPerSecond },
  { name: 'one handler: processor time an event', read: ({ one }) => one?.serverUsPerEvent },
  { name: 'one handler: written an event', read: ({ one }) => one?.writtenBytesPerEvent },
  { name: 'one handler: stored an event', read: ({ one }) => one?.storedBytesPerEvent },
  { name: 'three handlers: events a second', read: ({ three }) => three?.eventsPerSecond },
  { name: 'three handlers: processor time', read: ({ three }) => three?.serverUsPerEvent },
  { name: 'batches of one: processor time', read: ({ singles }) => singles?.serverUsPerBatch },
  { name: 'batches of ten: processor time', read: ({ tens }) => tens?.serverUsPerBatch },
  { name: 'JSON Lines: events a second', read: ({ lines }) => lines?.eventsPerSecond },
]
