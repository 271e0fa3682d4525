import { Command } from 'commander'
import type { HandlerJson, HandlersJson } from '../admin/api/handlers.ts'
import { errorLine, failingShare, type HandlerState, handlerState } from '../admin/api/in-words.ts'
import type { CommandContext } from './command.ts'
import { addAdminOptions, connect, workCommand } from './connect.ts'
import { type Column, figureColumn, printRows } from './table.ts'
import { formatCounted, formatInstant, STATE_COLOURS } from './terminal.ts'

export const HANDLER_COLUMNS: readonly Column<HandlerJson>[] = [
  { title: 'HANDLER', text: ({ name }) => name },
  { title: 'STATE', text: describeState, colour: (row) => STATE_COLOURS[handlerState(row)] },
  figureColumn('PENDING', ({ jobs }) => jobs.pending),
  figureColumn('DONE', ({ jobs }) => jobs.done),
  figureColumn('DEAD', ({ jobs }) => jobs.dead),
  { title: 'EVENTS', text: describeKeys, mayShrink: true },
  { title: 'LAST PROBLEM', text: (row) => errorLine(row.last_problem ?? '-'), mayShrink: true },
]

const EXAMPLES = `
Examples:
  mailtrap-receiver handlers
  mailtrap-receiver handlers pause suppressions    its jobs wait, on every replica and after a restart
  mailtrap-receiver handlers resume suppressions`

export function handlersCommand(context: CommandContext): Command {
  return addAdminOptions(
    new Command('handlers')
      .enablePositionalOptions()
      .addHelpText('after', EXAMPLES)
      .action(async () => {
        const client = await connect(context)
        const { handlers } = await client.get<HandlersJson>('/api/handlers')
        const whenEmpty = 'No handler is loaded.'
        await printRows({ columns: HANDLER_COLUMNS, pages: [handlers], whenEmpty }, context)
      })
      .addCommand(changeCommand('pause', 'have the jobs of a handler wait', context))
      .addCommand(changeCommand('resume', 'let the jobs of a paused handler run', context)),
  )
}

function changeCommand(
  action: 'pause' | 'resume',
  description: string,
  context: CommandContext,
): Command {
  const command = new Command(action)
    .description(`${description}, on every replica`)
    .argument('<name>', 'its name in the list')
    .addHelpText('after', EXAMPLES)
  return workCommand(context, command, (name) => ({
    path: `/api/handlers/${encodeURIComponent(name)}/${action}`,
    describe: ({ handler, paused }: { readonly handler: string; readonly paused: boolean }) =>
      paused
        ? `${handler} is paused: its jobs wait until mailtrap-receiver handlers resume ${handler}.`
        : `${handler} goes on.`,
  }))
}

function describeState(handler: HandlerJson): string {
  const { paused_since: pausedSince, restarts, recent } = handler
  const words: Readonly<Record<HandlerState, string>> = {
    paused: `paused since ${formatInstant(pausedSince)}`,
    running: 'running',
    failing: `running, ${failingShare(recent)} fail`,
    crashing: 'crashing',
    stopped: 'not running',
    elsewhere: 'not running here',
  }
  const again = restarts ? `, ${formatCounted(restarts, 'restart')}` : ''
  return `${words[handlerState(handler)]}${again}`
}

function describeKeys({ keys, takes_batches: takesBatches }: HandlerJson): string {
  if (keys === null) return '-'
  return `${keys.join(', ')}${takesBatches ? ' (in batches)' : ''}`
}
