import bullmq from 'bullmq/package.json' with { type: 'json' }
import pgBoss from 'pg-boss/package.json' with { type: 'json' }
import type { BenchFigures } from '../run-bench.ts'
import type { SharedFigures } from '../shared-round.ts'
import { spreadOf } from './spread.ts'

const WANTED_EVENTS = 10_000
const WANTED_RATIO = 3

/** The README's tables on PostgreSQL, in Markdown; medians of the rounds. */
export function printSharedTables(figures: BenchFigures): string[] {
  const { shared, rounds } = figures
  if (!shared) return []
  const all = rounds.flatMap((round) => (round.shared ? [round.shared] : []))
  const bull = all.flatMap((round) => round.bullmq ?? [])
  const rows = [
    ['receiver on SQLite', rounds.map(({ receiver, outcomes }) => ({ acks: receiver, outcomes }))],
    [`receiver on PostgreSQL ${shared.postgresVersion}`, all.map(({ receiver }) => receiver)],
    [`pg-boss ${pgBoss.version} on the same PostgreSQL`, all.map((round) => round.pgBoss)],
    [`BullMQ ${bullmq.version} on Redis ${shared.redisVersion}, synced always`, bull],
  ] as const
  return [
    `Node ${figures.machine.node}:`,
    '',
    '| | acks: batches a second | ack p99 | end to end: events a second | processor time an event |',
    '|---|---|---|---|---|',
    ...rows.flatMap(([name, measured]) => (measured.length > 0 ? [printRow(name, measured)] : [])),
    '',
    '| | wanted | |',
    '|---|---|---|',
    ...judgeShared(figures).map(
      ({ goal, wanted, figure, isReached }) =>
        `| ${goal} | at least ${wanted} | ${isReached ? `**${figure}**` : `${figure}, missed`} |`,
    ),
    ...shared.gaps.map((gap) => `\n${gap}`),
  ]
}

function printRow(name: string, measured: readonly SharedFigures[]): string {
  const median = (read: (figures: SharedFigures) => number | undefined, unit = '') => {
    const { median } = spreadOf(measured.map((one) => read(one) ?? Number.NaN))
    return Number.isFinite(median) ? `${Math.round(median).toLocaleString('en')}${unit}` : '–'
  }
  const cells = [
    name,
    median(({ acks }) => acks.ackedPerSecond),
    median(({ acks }) => acks.ackMs.p99, ' ms'),
    median(({ outcomes }) => outcomes.eventsPerSecond),
    median(({ outcomes }) => outcomes.processorUsPerEvent, ' µs'),
  ]
  return `| ${cells.join(' | ')} |`
}

/** Ratios are taken within a round and their median counts. */
export function judgeShared({ rounds }: Pick<BenchFigures, 'rounds'>) {
  const all = rounds.flatMap(({ shared }) => (shared ? [shared] : []))
  const speed = ({ outcomes }: SharedFigures) => outcomes.eventsPerSecond
  const events = spreadOf(all.map(({ receiver }) => speed(receiver))).median
  const ratio = spreadOf(
    all.map(({ receiver, pgBoss, bullmq }) => {
      const best = Math.max(speed(pgBoss), bullmq ? speed(bullmq) : 0)
      return speed(receiver) / best
    }),
  ).median
  return [
    {
      goal: 'on PostgreSQL, events a second',
      wanted: WANTED_EVENTS.toLocaleString('en'),
      figure: Math.round(events).toLocaleString('en'),
      isReached: events >= WANTED_EVENTS,
    },
    {
      goal: 'on PostgreSQL, events a second, of the better library’s',
      wanted: WANTED_RATIO.toFixed(2),
      figure: ratio.toFixed(2),
      isReached: ratio >= WANTED_RATIO,
    },
  ]
}
