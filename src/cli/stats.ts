import { Command } from 'commander'
import type { HandlersJson } from '../admin/api/handlers.ts'
import type { ProcessJson, StatsJson } from '../admin/api/stats-schema.ts'
import type { CommandContext } from './command.ts'
import { addAdminOptions, connect } from './connect.ts'
import { HANDLER_COLUMNS } from './handlers.ts'
import { createOwnTable } from './table.ts'
import {
  describeFacts,
  formatBytes,
  formatCount,
  formatCounted,
  formatDuration,
  formatInstant,
  type Paint,
  printAnswer,
  safeText,
} from './terminal.ts'

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
    const [stats, { handlers }] = await Promise.all([
      client.get<StatsJson>('/api/stats'),
      client.get<HandlersJson>('/api/handlers'),
    ])
    const table =
      handlers.length === 0
        ? 'No handler is loaded.\n'
        : createOwnTable(HANDLER_COLUMNS, context)(handlers)
    await printAnswer(context, stats, (paint) => describeStats(stats, table, paint))
  } catch (error) {
    // The store may be away; the spool is then what matters, and the process knows it by itself.
    const known = await client.get<ProcessJson>('/api/process').catch(() => undefined)
    if (known) await printAnswer(context, known, (paint) => describeProcess(known, paint))
    throw error
  }
}

/** The figures of a receiver, for people; `handlers` is the table of those. */
function describeStats(stats: StatsJson, handlers: string, paint: Paint): string {
  const { batches, events, backlog, database } = stats
  const facts = describeFacts(paint, [
    ['batches', `${formatCount(batches.received)} received${describeWaiting(batches.waiting)}`],
    ['refused', describeRefused(stats)],
    ['events', describeCounts(events.by_state, events.total)],
    ['types', describeCounts(events.by_type)],
    ['duplicates', formatCount(stats.duplicates)],
    ['quarantined', formatCount(stats.quarantined)],
    [
      'backlog',
      backlog === 0
        ? 'none'
        : `${formatCount(backlog)}, the oldest waits for ${formatDuration(stats.oldest_pending_seconds * 1_000)}`,
    ],
    ['rate', describeRates(stats)],
    ...listOutside(stats),
    ['database', database ? describeDatabase(database) : undefined],
  ])
  return `${describeVerdict(stats, paint)}${facts}\n${handlers}${describeStart(stats, paint)}`
}

/** What a receiver knows of itself while its store is away. */
function describeProcess(known: ProcessJson, paint: Paint): string {
  const facts = describeFacts(paint, [['refused', describeRefused(known)], ...listOutside(known)])
  return `${describeVerdict(known, paint)}${facts}${describeStart(known, paint)}`
}

/** What a person is needed for, first of all. */
function describeVerdict({ verdict }: ProcessJson, paint: Paint): string {
  const lines = verdict.map(({ text, since, remedy }) => {
    const when = since ? ` Since ${formatInstant(since)} UTC.` : ''
    return `${paint('red', safeText(text))}${when} ${safeText(remedy)}\n`
  })
  return lines.length > 0 ? `${lines.join('')}\n` : ''
}

/** What stands before the store, and before the receiver: none where nobody watches that. */
function listOutside({ spool, guardian }: ProcessJson) {
  const webhooks = guardian ? describeGuardian(guardian) : []
  return [
    ['spool', spool ? describeSpool(spool) : undefined] as const,
    ...webhooks.map((text) => ['webhooks', text] as const),
  ]
}

function describeRefused({ batches }: ProcessJson): string {
  return describeCounts(batches.refused_by_reason, batches.refused)
}

function describeStart({ version, counting_since: since }: ProcessJson, paint: Paint): string {
  const text = `Version ${safeText(version)}. Refused requests are counted since ${formatInstant(since)} UTC, when it started.`
  return paint('dim', `\n${text}\n`)
}

function describeWaiting(batches: number): string {
  return batches > 0 ? `, ${formatCount(batches)} not unpacked yet` : ''
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

/** One line, and one for each problem. */
function describeGuardian(guardian: NonNullable<ProcessJson['guardian']>): string[] {
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
