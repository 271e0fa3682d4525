import type { Percentiles } from '../load/percentiles.ts'
import type { BenchFigures, BenchRound } from '../run-bench.ts'
import { printSharedTables } from './shared-table.ts'
import { spreadOf } from './spread.ts'
import type { Target } from './targets.ts'

type Read = (round: BenchRound) => number | undefined
type Row = readonly [name: string, ...cells: string[]]

/** The report for people: what was measured on which machine, the figures, the targets. */
export function printReport(figures: BenchFigures, targets: readonly Target[]): string {
  return [
    ...describeRun(figures),
    '',
    ...describeFigures(figures),
    '',
    ...describeTargets(targets),
    '',
    ...printSharedTables(figures),
    '',
  ].join('\n')
}

/** What the benchmark's own main process takes. */
const UNNOTICED_CORES = 0.15

function describeRun(figures: BenchFigures): string[] {
  const { machine, options, batchBytes, smallSyncMs, batchSyncMs } = figures
  const { rounds, measureMs, warmUpMs, events } = options
  const lines = [
    `mailtrap-receiver ${machine.version}, commit ${machine.commit}, node ${machine.node}, ` +
      `SQLite ${machine.sqlite}, ${machine.cores} cores (${machine.processor}), ` +
      `load before ${machine.loadBefore.toFixed(1)}, ${machine.startedAt}`,
    `${rounds} rounds in turns; batches of 500 events, ${kilobytes(batchBytes)}, 16 connections that ` +
      `never wait; (a) (b) ${measureMs / 1_000} s after ${warmUpMs / 1_000} s, (c) ${events} events`,
    `disk, written and synced: 4 KB ${times(smallSyncMs)}; a batch ${times(batchSyncMs)}`,
  ]
  const others = coresOfOthers(figures)
  if (others > UNNOTICED_CORES) {
    lines.push(`Other processes took ${others.toFixed(2)} cores meanwhile: not for quoting.`)
  }
  if (machine.isMemoryDisk) lines.push('The folder lies in memory: nothing durable was measured.')
  return lines
}

/** Seen while the provider's sample ran, which has no processes but its own. */
function coresOfOthers({ rounds }: BenchFigures): number {
  const others = rounds.map(
    ({ sample }) => sample.machineCores - sample.serverCores - sample.clientCores,
  )
  return spreadOf(others).highest
}

function describeFigures({ rounds }: BenchFigures): string[] {
  const row = (name: string, read: Read, digits = 1): Row => [name, ...spread(rounds, read, digits)]
  const acks = (pick: (round: BenchRound) => BenchRound['sample']): Row[] => [
    row('  batches/s', (round) => pick(round).ackedPerSecond),
    row('  ack p50, ms', (round) => pick(round).ackMs.p50),
    row('  ack p99, ms', (round) => pick(round).ackMs.p99),
    row('  ack p99.9, ms', (round) => pick(round).ackMs.p999),
    row('  ack max, ms', (round) => pick(round).ackMs.max),
    row('  stall max, ms', (round) => pick(round).stallMs),
    row('  server RSS, MB', (round) => megabytes(pick(round).rssBytes), 0),
    row('  cores of the server', (round) => pick(round).serverCores, 2),
    row('  cores of the load', (round) => pick(round).clientCores, 2),
    row('  cores of the machine', (round) => pick(round).machineCores, 2),
  ]
  return align([
    ['', 'median', 'lowest', 'highest'],
    ['(a) provider’s sample: verify, parse, loop; stores nothing'],
    ...acks(({ sample }) => sample),
    ['(b) receiver: verify, store durably, ack; unpacks meanwhile'],
    ...acks(({ receiver }) => receiver),
    row('  handler RSS, MB', ({ receiver }) => megabytes(receiver.childRssBytes), 0),
    row(
      '  batches/s, of (a)’s',
      (round) => round.receiver.ackedPerSecond / round.sample.ackedPerSecond,
      2,
    ),
    row('  ack p99, of (a)’s', (round) => round.receiver.ackMs.p99 / round.sample.ackMs.p99, 2),
    ['(c) receiver: first byte to last outcome, one no-op handler'],
    row('  events/s', ({ outcomes }) => outcomes.eventsPerSecond, 0),
    row('  seconds', ({ outcomes }) => outcomes.seconds),
    row('  batches/s acked', ({ outcomes }) => outcomes.acks.ackedPerSecond),
    row('  ack p99, ms', ({ outcomes }) => outcomes.acks.ackMs.p99),
    row('  ack max, ms', ({ outcomes }) => outcomes.acks.ackMs.max),
    row('  stall max, ms', ({ outcomes }) => outcomes.stallMs),
    row('  server RSS, MB', ({ outcomes }) => megabytes(outcomes.rssBytes), 0),
    row('  handler RSS, MB', ({ outcomes }) => megabytes(outcomes.childRssBytes), 0),
    row('  cores of the server', ({ outcomes }) => outcomes.serverCores, 2),
    row('  processor time, µs/event', ({ outcomes }) => outcomes.processorUsPerEvent),
    row('  cores of the machine', ({ outcomes }) => outcomes.machineCores, 2),
  ])
}

function describeTargets(targets: readonly Target[]): string[] {
  const rows = targets.map(({ goal, figure, needed, isReached }): Row => {
    const verdict = isReached === undefined ? 'not measured' : isReached ? 'reached' : 'missed'
    return [goal, figure ?? '–', needed, verdict]
  })
  return align([['', 'figure', 'needed', ''], ...rows])
}

function spread(rounds: readonly BenchRound[], read: Read, digits: number): string[] {
  const values = rounds.map(read).filter((value) => value !== undefined)
  if (values.length === 0) return ['–', '–', '–']
  const { median, lowest, highest } = spreadOf(values)
  const show = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return [show(median), show(lowest), show(highest)]
}

/** First column to the left, the others to the right; a row of one cell is a heading. */
function align(rows: readonly Row[]): string[] {
  const full = rows.filter((row) => row.length > 1)
  const widths = (full[0] ?? []).map((_, column) =>
    Math.max(...full.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('   ')
      .trimEnd(),
  )
}

const kilobytes = (bytes: number) => `${Math.round(bytes / 1_000)} KB`
const megabytes = (bytes: number | undefined) => (bytes === undefined ? undefined : bytes / 1e6)
const times = ({ p50, p99 }: Percentiles) => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`
