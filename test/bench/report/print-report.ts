import type { BenchFigures } from '../run-bench.ts'
import { showRounds, table } from './markdown.ts'
import { specialTables } from './special-tables.ts'
import { spreadOf } from './spread.ts'
import { ratioTable, receiverTables } from './tables.ts'
import type { Target } from './targets.ts'

/** The report in Markdown: what was measured on which machine, the figures, the targets. */
export function printReport(figures: BenchFigures, targets: readonly Target[]): string {
  return [
    ...describeRun(figures),
    '',
    ...receiverTables(figures),
    ...ratioTable(figures),
    ...specialTables(figures),
    ...describeTargets(targets),
    ...figures.problems.map((problem) => `Not measured: ${problem}`),
  ].join('\n')
}

/** What the benchmark's own main process takes. */
const UNNOTICED_CORES = 0.15

function describeRun(figures: BenchFigures): string[] {
  const { machine, options, batchBytes, rounds } = figures
  const { measureMs, warmUpMs, events } = options
  const disk = (read: (round: (typeof rounds)[number]) => number) =>
    showRounds(rounds.map(read), { digits: 2, unit: ' ms' })
  const lines = [
    `mailtrap-receiver ${machine.version}, commit ${machine.commit}, Node ${machine.node}, ` +
      `SQLite ${machine.sqlite}, ${machine.cores} cores (${machine.processor}), ` +
      `load before ${machine.loadBefore.toFixed(1)}, ${machine.startedAt}.`,
    `Medians of ${options.rounds} rounds in turns (lowest–highest); batches of 500 events, ` +
      `${Math.round(batchBytes / 1_000)} KB, 16 connections; acks for ${measureMs / 1_000} s after ` +
      `${warmUpMs / 1_000} s, end to end ${events.toLocaleString('en')} events.`,
    `Disk, written and synced: 4 KB p50 ${disk(({ disk }) => disk.smallMs.p50)}, a batch ` +
      `p50 ${disk(({ disk }) => disk.batchMs.p50)}, p99 ${disk(({ disk }) => disk.batchMs.p99)}.`,
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
  const others = rounds.flatMap(({ sample }) =>
    sample ? [sample.machineCores - sample.serverCores - sample.clientCores] : [],
  )
  return others.length > 0 ? spreadOf(others).highest : 0
}

function describeTargets(targets: readonly Target[]): string[] {
  if (targets.length === 0) return []
  const rows = targets.map(({ goal, wanted, figure, isMet }) => [
    goal,
    wanted,
    figure,
    isMet ? '**met**' : 'missed',
  ])
  return [...table(['', 'wanted', 'measured', ''], rows), '']
}
