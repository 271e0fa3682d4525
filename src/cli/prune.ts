import { Command } from 'commander'
import type { CommandContext } from './command.ts'
import { workCommand } from './connect.ts'
import { formatCounted } from './figures.ts'

const EXAMPLES = `
Example:
  mailtrap-receiver prune

Forgets what is older than RETAIN_EVENTS, RETAIN_DEAD and RETAIN_KEYS of the running receiver, which
it otherwise does every hour.`

export function pruneCommand(context: CommandContext): Command {
  const command = new Command('prune').addHelpText('after', EXAMPLES)
  return workCommand(context, command, () => ({
    path: '/api/prune',
    describe: ({ pruned }: { readonly pruned: number }) =>
      pruned === 0 ? 'Nothing is that old.' : `${formatCounted(pruned, 'row')} forgotten.`,
  }))
}
