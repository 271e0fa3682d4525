import { setTimeout as wait } from 'node:timers/promises'
import { Command, Option } from 'commander'
import type { EventJson } from '../admin/api/events.ts'
import { checkKey } from '../handlers/event-keys.ts'
import { EVENT_STATES } from '../model.ts'
import type { AdminClient, Query } from './admin-client.ts'
import { type CommandContext, CommandFailure } from './command.ts'
import { addListOptions, connect, filterOf, printList, readPages } from './connect.ts'
import { showEventCommand } from './show-event.ts'
import { type Column, createOwnTable, jsonLines } from './table.ts'
import { formatInstant, STATE_COLOURS, writeText } from './terminal.ts'

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

export function eventsCommand(context: CommandContext): Command {
  return addListOptions(
    new Command('events')
      .enablePositionalOptions()
      .option('--source <name>', 'of this source')
      .option('--type <type>', "provider's name of the event, for example bounce")
      .addOption(new Option('--state <state>', 'in this state').choices([...EVENT_STATES]))
      .option('--recipient <address>', 'of this recipient, in any case')
      .option('--message-id <id>', 'of this message')
      .option('--event-id <id>', 'with this id, the one that the provider gave')
      .option('--batch <id>', 'that came in this batch')
      .option('--from <time>', 'received at or after, for example 2026-11-21T09:30')
      .option('--to <time>', 'received before')
      .addOption(
        new Option('--follow', 'new ones as they come, oldest first, until Ctrl-C').conflicts([
          ...['from', 'to', 'all', 'limit'],
        ]),
      )
      .addHelpText('after', EXAMPLES)
      .action(({ follow }) => (follow ? followEvents(context) : listEvents(context)))
      .addCommand(showEventCommand(context)),
  )
}

/** Where else what somebody misses may be. */
const NO_EVENTS =
  'What was refused or could not be read is no event: stats counts the one, quarantine lists the other.'

async function listEvents(context: CommandContext): Promise<void> {
  const { type } = filterOf(context)
  const hint = type === undefined ? undefined : checkKey(type)
  // Providers may send names that nobody knows here, which is no error.
  const whenEmpty = `No such event. ${hint ?? NO_EVENTS}`
  await printList(context, { name: 'events', columns: COLUMNS, whenEmpty })
}

const INTERVAL_MS = 1_000
/** Of two batches that replicas unpack side by side, the later one may be there first by so much. */
const LATE_MS = 60_000

/** Prints matching events that are unpacked from now on, oldest first, until the process is asked to stop. */
async function followEvents(context: CommandContext): Promise<void> {
  const { stdout, stderr, stopped, options } = context
  const format = options.json ? jsonLines : createOwnTable(COLUMNS, context)
  const look = await createLook(await connect(context), filterOf(context))
  await writeText(stderr, 'Waiting for events. Ctrl-C ends it.\n')
  let isAway = false
  while (!stopped.aborted) {
    try {
      const events = await look()
      if (events.length > 0) await writeText(stdout, format(events))
      isAway = false
    } catch (error) {
      if (stopped.aborted) return
      if (!(error instanceof CommandFailure)) throw error
      // A receiver that is started again answers soon.
      if (!isAway) await writeText(stderr, `${error.message} Asking again until it does.\n`)
      isAway = true
    }
    await wait(INTERVAL_MS, undefined, { signal: stopped }).catch(() => {})
  }
}

/**
 * Answers what came since the last look. Ids alone do not tell: a batch may be unpacked after one
 * with a greater number.
 */
async function createLook(
  client: AdminClient,
  query: Query,
): Promise<() => Promise<readonly EventJson[]>> {
  const seen = new Map<string, number>()
  // By the receiver's own clock; in an empty store everything is new.
  const { events: newest } = await client.get<{ events: EventJson[] }>('/api/events', { limit: 1 })
  let from = receivedAt(newest[0])

  const look = async () => {
    const found: EventJson[] = []
    const request = { name: 'events', query: { ...query, from }, limit: Infinity }
    for await (const page of readPages<EventJson>(client, request)) {
      const unseen = page.filter(({ id }) => !seen.has(id))
      found.push(...unseen)
      // What is older was seen before.
      if (page.length > unseen.length) break
    }
    for (const event of found) seen.set(event.id, receivedAt(event))
    from = Math.max(from, receivedAt(found[0]) - LATE_MS)
    for (const [id, at] of seen) if (at < from) seen.delete(id)
    return found.reverse()
  }
  if (newest.length > 0) await look()
  return look
}

/** Milliseconds since 1970; 0 without an event. */
function receivedAt(event: EventJson | undefined): number {
  return Date.parse(event?.received_at ?? '') || 0
}
