import { Command, Option } from 'commander'
import type { EventDetailJson, EventJson } from '../admin/api/events.ts'
import type { HandlerJson } from '../admin/api/handlers.ts'
import type { JobJson } from '../admin/api/jobs.ts'
import { checkKey } from '../handlers/event-keys.ts'
import { EVENT_STATES, type EventState } from '../model.ts'
import type { Query } from './admin-client.ts'
import type { CommandContext } from './command.ts'
import { type AdminOptions, addAdminOptions, connect } from './connect.ts'
import { writeEventTest } from './event-test.ts'
import { formatDuration, formatInstant } from './figures.ts'
import { followEvents } from './follow-events.ts'
import { addListOptions, type ListOptions, printList } from './print-list.ts'
import { type Column, createTable } from './table.ts'
import {
  createPaint,
  type Paint,
  STATE_COLOURS,
  safeLines,
  safeText,
  writeText,
} from './terminal.ts'

interface EventOptions extends ListOptions {
  readonly source?: string
  readonly type?: string
  readonly state?: EventState
  readonly recipient?: string
  readonly messageId?: string
  readonly eventId?: string
  readonly from?: string
  readonly to?: string
  readonly follow?: boolean
}

interface ShowOptions extends AdminOptions {
  readonly json?: boolean
  readonly asTest?: boolean
  readonly handler?: string
}

const COLUMNS: readonly Column<EventJson>[] = [
  { title: 'ID', text: (event) => event.id },
  { title: 'RECEIVED (UTC)', text: (event) => formatInstant(event.received_at) },
  { title: 'SOURCE', text: (event) => event.source },
  // A stranger's text, of any length.
  { title: 'TYPE', text: (event) => event.type, mayShrink: 'last' },
  { title: 'STATE', text: (event) => event.state, colour: (event) => STATE_COLOURS[event.state] },
  { title: 'EVENT ID', text: (event) => event.event_id ?? '-', mayShrink: true },
  { title: 'RECIPIENT', text: (event) => event.recipient ?? '-', mayShrink: true },
]

const EXAMPLES = `
Examples:
  mailtrap-receiver events --state dead
  mailtrap-receiver events --recipient user@example.com --from 2026-11-01
  mailtrap-receiver events --type bounce --all --json > bounces.jsonl
  mailtrap-receiver events --follow --state dead
  mailtrap-receiver events show 1048576`

const SHOW_EXAMPLES = `
Examples:
  mailtrap-receiver events show 1048576 --json
  mailtrap-receiver events show 1048576 --as-test > handlers/hard-bounces.event-1048576.test.ts`

export function eventsCommand(context: CommandContext): Command {
  const command = new Command('events')
    .enablePositionalOptions()
    .option('--source <name>', 'of this source')
    .option('--type <type>', "provider's name of the event, for example bounce")
    .addOption(new Option('--state <state>', 'in this state').choices([...EVENT_STATES]))
    .option('--recipient <address>', 'of this recipient, in any case')
    .option('--message-id <id>', 'of this message')
    .option('--event-id <id>', 'with this id, the one that the provider gave')
    .option('--from <time>', 'received at or after, for example 2026-11-21T09:30')
    .option('--to <time>', 'received before')
    .addOption(
      new Option('--follow', 'new ones as they come, oldest first, until Ctrl-C').conflicts([
        ...['from', 'to', 'all', 'limit'],
      ]),
    )
    .addHelpText('after', EXAMPLES)
    .action(() => listEvents(command.opts<EventOptions>(), context))
  addListOptions(addAdminOptions(command))
  return command.addCommand(showCommand(context))
}

function showCommand(context: CommandContext): Command {
  const command = new Command('show')
    .description('show one event: its exact payload, its jobs and their attempts')
    .argument('<id>', 'its ID in the list')
    .addOption(
      new Option('--as-test', 'print a test for its handler with that event').conflicts('json'),
    )
    .option('--handler <name>', 'of --as-test: for this one, not the one that failed')
    .addHelpText('after', SHOW_EXAMPLES)
    .action((id: string) => showEvent(id, command.opts<ShowOptions>(), context))
  return addAdminOptions(command)
}

async function listEvents(options: EventOptions, context: CommandContext): Promise<void> {
  const { source, type, state, recipient, messageId, eventId, from, to } = options
  const filter = { source, type, state, recipient, message_id: messageId, event_id: eventId }
  if (options.follow) return follow(filter, options, context)
  const hint = type === undefined ? undefined : checkKey(type)
  await printList<EventJson>(
    {
      path: '/api/events',
      rowsIn: 'events',
      query: { ...filter, from, to },
      columns: COLUMNS,
      // Providers may send names that nobody knows here, which is no error.
      whenEmpty: hint === undefined ? 'No such event.' : `No such event. ${hint}`,
    },
    options,
    context,
  )
}

async function follow(query: Query, options: EventOptions, context: CommandContext): Promise<void> {
  const { stdout, env } = context
  const client = await connect(options, context)
  const width = stdout.isTTY ? stdout.columns : undefined
  const table = createTable(COLUMNS, { width, paint: createPaint(stdout, env) })
  const lines = (events: readonly EventJson[]) =>
    events.map((event) => `${JSON.stringify(event)}\n`).join('')
  await followEvents({ client, query, format: options.json ? lines : table }, context)
}

async function showEvent(id: string, options: ShowOptions, context: CommandContext): Promise<void> {
  const client = await connect(options, context)
  const event = await client.get<EventDetailJson>(`/api/events/${encodeURIComponent(id)}`)
  if (options.asTest) {
    const { handlers } = await client.get<{ handlers: HandlerJson[] }>('/api/handlers')
    const { text, hint } = writeEventTest(event, handlers, options.handler)
    await writeText(context.stdout, text)
    return writeText(context.stderr, `${hint}\n`)
  }
  const text = options.json
    ? `${JSON.stringify(event)}\n`
    : describeEvent(event, createPaint(context.stdout, context.env))
  await writeText(context.stdout, text)
}

const TITLE_WIDTH = 12

/** One event with its jobs and its exact payload, for people. */
function describeEvent(event: EventDetailJson, paint: Paint): string {
  const facts: readonly (readonly [title: string, value: string])[] = [
    ['event', event.id],
    ['type', event.name ? `${event.type} (${event.name})` : event.type],
    ['state', event.state],
    ['received', `${formatInstant(event.received_at)} UTC, source ${event.source}`],
    ['happened', event.occurred_at ? `${formatInstant(event.occurred_at)} UTC` : '-'],
    ['event id', event.event_id ?? '-'],
    ['message id', event.message_id ?? '-'],
    ['recipient', event.recipient ?? '-'],
    ['batch', `${event.batch}, piece ${event.position}`],
  ]
  const lines = facts.map(
    ([title, value]) => `${paint('dim', title.padEnd(TITLE_WIDTH))}${safeText(value)}`,
  )
  const jobs = event.jobs.length === 0 ? [explainNoJob(event)] : event.jobs.flatMap(describeJob)
  return [...lines, '', ...jobs, '', safeLines(event.payload), ''].join('\n')
}

function explainNoJob({ is_test: isTest, state }: EventDetailJson): string {
  if (isTest) return 'A test of the provider: it is kept, and never given to handlers.'
  if (state === 'conflict') return 'Its id is that of an event with other content: replay runs it.'
  if (state === 'stale') return 'It is older than the keys kept here: replay runs it.'
  return 'No handler wanted it.'
}

function describeJob(job: JobJson): string[] {
  const due = job.state === 'pending' && job.due_at ? `, due ${formatInstant(job.due_at)} UTC` : ''
  const title = `${safeText(job.handler)}: ${job.state}, ${attempts(job.attempt)}${due}`
  return [title, ...job.attempts.map(describeAttempt), ...describeDiscard(job)]
}

function describeDiscard({ discarded }: JobJson): string[] {
  if (discarded === null) return []
  return [`  discarded ${formatInstant(discarded.at)} UTC: ${safeText(discarded.reason)}`]
}

function describeAttempt(row: JobJson['attempts'][number]): string {
  const error = row.error === null ? '' : `\n${indent(safeLines(row.error))}`
  const when = `${formatInstant(row.ended_at)} UTC, took ${formatDuration(row.duration_ms)}`
  return `  attempt ${row.attempt}: ${row.outcome}, ${when}${error}`
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}

function attempts(count: number): string {
  return count === 1 ? '1 attempt' : `${count} attempts`
}
