import { Command, Option } from 'commander'
import { REPLAYED_STATES } from '../model.ts'
import type { CommandContext } from './command.ts'
import { filterOf, needFilter, workCommand } from './connect.ts'
import { formatCounted } from './figures.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver replay --state dead                          after a bug in a handler was mended
  mailtrap-receiver replay --handler suppressions --type bounce  for a handler that is new
  mailtrap-receiver replay --event 1048576                       one event, a conflict or stale one too`

export function replayCommand(context: CommandContext): Command {
  const command = new Command('replay')
    .option('--handler <name>', 'for this handler only')
    .addOption(new Option('--state <state>', 'events in this state').choices(REPLAYED_STATES))
    .option('--type <type>', "provider's name of the event, for example bounce")
    .option('--from <time>', 'received at or after, for example 2026-11-21T09:30')
    .option('--to <time>', 'received before')
    .option('--event <id>', 'one event, by its ID in the list of events')
    .addHelpText('after', EXAMPLES)
  const everything = 'events: without any filter, every event would run again'
  return workCommand(context, command, () => ({
    path: '/api/replay',
    request: needFilter(filterOf(context), command, everything),
    describe: ({ replayed }: { readonly replayed: number }) =>
      replayed === 0
        ? 'No job became pending: nothing matches, or what does is pending already or a test of the provider.'
        : `${formatCounted(replayed, 'job is', 'jobs are')} pending again.`,
  }))
}
