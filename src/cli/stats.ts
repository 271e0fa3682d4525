import { Command } from 'commander'
import { ownValue } from '../admin/answer-parts.ts'
import { isHandler } from '../admin/api/in-words.ts'
import type { ProcessJson, StatsJson } from '../admin/api/stats-schema.ts'
import type { CommandContext } from './command.ts'
import { addAdminOptions, connect } from './connect.ts'
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatDuration,
  formatInstant,
} from './figures.ts'
import { type Column, createTable } from './table.ts'
import { describeFact, type Paint, printAnswer, STATE_COLOURS, safeText } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver stats
  mailtrap-receiver stats --json | jq .backlog`

export function statsCommand(context: CommandContext): Command {
  return addAdminOptions(
    new Command('stats').addHelpText('after', EXAMPLES).action(() => showStats(context)),
  )
}

async function showStats(context: CommandContext): Promise<void> {
  const client = await connect(context)
  try {
    const stats = await client.get<StatsJson>('/api/stats')
    await printAnswer(context, stats, (paint) => describeStats(stats, paint))
  } catch (error) {
    // The store may be away; the spool is then what matters, and the process knows it by itself.
    const known = await client.get<ProcessJson>('/api/process').catch(() => undefined)
    if (known) await printAnswer(context, known, (paint) => describeProcess(known, paint))
    throw error
  }
}

/** The figures of a receiver, for people. */
function describeStats(stats: StatsJson, paint: Paint): string {
  const line = createLine(paint)
  return [
    ...describeVerdict(stats, paint),
    line('batches', describeBatches(stats)),
    line('refused', describeRefused(stats)),
    line('events', describeCounts(stats.events.by_state, stats.events.total)),
    line('types', describeCounts(stats.events.by_type)),
    line('duplicates', formatCount(stats.duplicates)),
    line('quarantined', formatCount(stats.quarantined)),
    line('backlog', describeBacklog(stats)),
    line('rate', describeRates(stats)),
    ...describeOutside(stats, line),
    ...(stats.database ? [line('database', describeDatabase(stats.database))] : []),
    '\n',
    describeHandlers(stats, paint),
    describeStart(stats, paint),
  ].join('')
}

/** What a receiver knows of itself while its store is away. */
function describeProcess(known: ProcessJson, paint: Paint): string {
  const line = createLine(paint)
  return [
    ...describeVerdict(known, paint),
    line('refused', describeRefused(known)),
    ...describeOutside(known, line),
    describeStart(known, paint),
  ].join('')
}

/** What a person is needed for, first of all. */
function describeVerdict({ verdict }: ProcessJson, paint: Paint): string[] {
  const lines = verdict.map(({ text, since, remedy }) => {
    const when = since ? ` Since ${formatInstant(since)} UTC.` : ''
    return `${paint('red', safeText(text))}${when} ${safeText(remedy)}\n`
  })
  return lines.length > 0 ? [...lines, '\n'] : []
}

type Line = (title: string, value: string) => string

const createLine =
  (paint: Paint): Line =>
  (title, value) =>
    describeFact(title, value, paint)

/** What stands before the store, and before the receiver. */
function describeOutside({ spool, guardian }: ProcessJson, line: Line): string[] {
  return [
    ...(spool ? [line('spool', describeSpool(spool))] : []),
    ...describeGuardian(guardian).map((text) => line('webhooks', text)),
  ]
}

function describeRefused({ batches }: ProcessJson): string {
  return describeCounts(batches.refused_by_reason, batches.refused)
}

function describeStart({ version, counting_since: since }: ProcessJson, paint: Paint): string {
  const text = `Version ${safeText(version)}. Refused requests are counted since ${formatInstant(since)} UTC, when it started.`
  return paint('dim', `\n${text}\n`)
}

function describeBatches({ batches }: StatsJson): string {
  const waiting = batches.waiting > 0 ? `, ${formatCount(batches.waiting)} not unpacked yet` : ''
  return `${formatCount(batches.received)} received${waiting}`
}

/** `1,204 (done 1,200, dead 4)`; zeroes are left out. */
function describeCounts(counts: Readonly<Record<string, number>>, total?: number): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${formatCount(count)}`)
  if (total === undefined) return parts.join(', ') || '-'
  return parts.length === 0 ? formatCount(total) : `${formatCount(total)} (${parts.join(', ')})`
}

function describeBacklog({ backlog, oldest_pending_seconds: seconds }: StatsJson): string {
  if (backlog === 0) return 'none'
  return `${formatCount(backlog)}, the oldest waits for ${formatDuration(seconds * 1_000)}`
}

function describeRates({ rates }: StatsJson): string {
  if (rates.over_seconds === null) return 'not measured yet: ask again'
  const events = rates.events_per_second?.toFixed(1) ?? '-'
  const batches = rates.batches_per_second?.toFixed(1) ?? '-'
  return `${events} events/s, ${batches} batches/s over ${formatDuration(rates.over_seconds * 1_000)}`
}

function describeSpool(spool: NonNullable<StatsJson['spool']>): string {
  const disk = `the disk is ${spool.disk_used_percent} % full`
  if (spool.waiting === 0) return `empty, ${disk}`
  return [
    formatCounted(spool.waiting, 'batch', 'batches'),
    ...(spool.refused > 0 ? [`${formatCount(spool.refused)} refused`] : []),
    ...(spool.waiting_since ? [`since ${formatInstant(spool.waiting_since)} UTC`] : []),
    formatBytes(spool.bytes),
    disk,
  ].join(', ')
}

function describeDatabase(database: NonNullable<StatsJson['database']>): string {
  const { dead_rows: dead, oldest_transaction_seconds: seconds, turned_off: off } = database
  const { oldest_transaction_by: by } = database
  const whose = by ? ` of ${by.application || 'an unnamed application'}, pid ${by.pid}` : ''
  return [
    `dead rows: ${describeCounts(dead)}`,
    `oldest transaction ${formatDuration(seconds * 1_000)}${whose}`,
    ...off.map((name) => `${name} is off`),
  ].join(', ')
}

/** One line, and one for each problem; none where nobody watches them. */
function describeGuardian(guardian: ProcessJson['guardian']): string[] {
  if (!guardian) return []
  const { failure, webhooks, paused, resumed, problems, looked_at: lookedAt } = guardian
  const seen = lookedAt
    ? `${formatCounted(webhooks, 'webhook')} at the provider, ${formatCount(paused)} paused, ${formatCount(resumed)} resumed`
    : 'the provider was not asked yet'
  const texts = problems.map(({ webhook, source, problem }) => {
    const which = webhook === null ? '' : `webhook ${webhook}${source ? ` (${source})` : ''}: `
    return `${which}${problem}`
  })
  return [seen, ...(failure ? [failure] : []), ...texts]
}

interface HandlerLine {
  readonly name: string
  readonly jobs: Readonly<Record<string, number>>
  readonly health: StatsJson['handlers'][string] | undefined
  readonly isPaused: boolean
  readonly isCrashing: boolean
}

const HANDLER_COLUMNS: readonly Column<HandlerLine>[] = [
  { title: 'HANDLER', text: ({ name }) => name },
  figures('DONE', 'done'),
  figures('PENDING', 'pending'),
  figures('DEAD', 'dead'),
  {
    title: 'PROCESS',
    text: describeHealth,
    colour: ({ health, isPaused, isCrashing }) =>
      STATE_COLOURS[health?.running && !isCrashing ? (isPaused ? 'pending' : 'done') : 'dead'],
  },
]

function figures(title: string, state: string): Column<HandlerLine> {
  return { title, text: ({ jobs }) => formatCount(jobs[state] ?? 0), isFigure: true }
}

function describeHandlers({ handlers, jobs, verdict }: StatsJson, paint: Paint): string {
  const names = [...new Set([...Object.keys(handlers), ...Object.keys(jobs)])].sort()
  if (names.length === 0) return 'No handler is loaded.\n'
  const lines = names.map((name) => ({
    name,
    jobs: ownValue(jobs, name) ?? {},
    health: ownValue(handlers, name),
    isPaused: isHandler('paused', name, verdict),
    isCrashing: isHandler('crashing', name, verdict),
  }))
  return createTable(HANDLER_COLUMNS, { paint })(lines)
}

function describeTimes(count: number): string {
  return count === 1 ? 'once' : `${formatCount(count)} times`
}

function describeHealth({ health, isPaused, isCrashing }: HandlerLine): string {
  if (health === undefined) return 'not loaded'
  const restarts = health.restarts > 0 ? `, restarted ${describeTimes(health.restarts)}` : ''
  const problem = health.last_problem ? `: ${health.last_problem}` : ''
  const running = isCrashing ? 'crashing' : health.running ? 'running' : 'not running'
  return `${isPaused ? 'paused, ' : ''}${running}${restarts}${problem}`
}
