import { Command } from 'commander'
import type { CommandContext } from './command.ts'
import { type AdminOptions, addAdminOptions, workOn } from './connect.ts'
import { formatCounted } from './figures.ts'

const EXAMPLES = `
Example:
  mailtrap-receiver prune

Forgets what is older than RETAIN_EVENTS, RETAIN_DEAD and RETAIN_KEYS of the running receiver, which
it otherwise does every hour.`

export function pruneCommand(context: CommandContext): Command {
  const command = new Command('prune').addHelpText('after', EXAMPLES).action(async () => {
    await workOn<{ pruned: number }>(
      { path: '/api/prune', request: {}, describe: ({ pruned }) => describePruning(pruned) },
      command.opts<AdminOptions>(),
      context,
    )
  })
  return addAdminOptions(command)
}

function describePruning(rows: number): string {
  return rows === 0 ? 'Nothing is that old.' : `${formatCounted(rows, 'row')} forgotten.`
}
