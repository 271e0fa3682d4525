import { Command, Option } from 'commander'
import type { EventDetailJson, EventJson } from '../admin/json/event-json.ts'
import { EVENT_STATES, type EventState } from '../model.ts'
import { type AdminOptions, addAdminOptions, connect } from './admin-client/connect.ts'
import { addListOptions, type ListOptions, printList } from './admin-client/print-list.ts'
import type { CommandContext } from './command-context.ts'
import { describeEvent } from './describe-event.ts'
import { formatInstant } from './terminal/figures.ts'
import { createPaint } from './terminal/paint.ts'
import { STATE_COLOURS } from './terminal/state-colours.ts'
import type { Column } from './terminal/table.ts'
import { writeText } from './terminal/write-text.ts'

interface EventOptions extends ListOptions {
  readonly source?: string
  readonly type?: string
  readonly state?: EventState
  readonly recipient?: string
  readonly messageId?: string
  readonly eventId?: string
  readonly from?: string
  readonly to?: string
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
  mailtrap-receiver events show 42`

export function eventsCommand(context: CommandContext): Command {
  const command = new Command('events')
    .enablePositionalOptions()
    .description('list events of a running receiver, newest first')
    .option('--source <name>', 'of this source')
    .option('--type <type>', "provider's name of the event, for example bounce")
    .addOption(new Option('--state <state>', 'in this state').choices([...EVENT_STATES]))
    .option('--recipient <address>', 'of this recipient, in any case')
    .option('--message-id <id>', 'of this message')
    .option('--event-id <id>', 'with this id, the one that the provider gave')
    .option('--from <time>', 'received at or after, for example 2026-11-21T09:30')
    .option('--to <time>', 'received before')
    .addHelpText('after', EXAMPLES)
    .action(() => listEvents(command.opts<EventOptions>(), context))
  addListOptions(addAdminOptions(command))
  return command.addCommand(showCommand(context))
}

function showCommand(context: CommandContext): Command {
  const command = new Command('show')
    .description('show one event: its exact payload, its jobs and their attempts')
    .argument('<id>', 'its ID in the list')
    .addHelpText('after', '\nExample:\n  mailtrap-receiver events show 42 --json')
    .action((id: string) =>
      showEvent(id, command.opts<AdminOptions & { json?: boolean }>(), context),
    )
  return addAdminOptions(command)
}

function listEvents(options: EventOptions, context: CommandContext): Promise<void> {
  const { source, type, state, recipient, messageId, eventId, from, to } = options
  const query = {
    source,
    type,
    state,
    recipient,
    message_id: messageId,
    event_id: eventId,
    from,
    to,
  }
  return printList<EventJson>(
    { path: '/api/events', rowsIn: 'events', query, columns: COLUMNS, whenEmpty: 'No such event.' },
    options,
    context,
  )
}

async function showEvent(
  id: string,
  options: AdminOptions & { readonly json?: boolean },
  context: CommandContext,
): Promise<void> {
  const client = await connect(options, context)
  const event = await client.get<EventDetailJson>(`/api/events/${encodeURIComponent(id)}`)
  const text = options.json
    ? `${JSON.stringify(event)}\n`
    : describeEvent(event, createPaint(context.stdout, context.env))
  await writeText(context.stdout, text)
}
