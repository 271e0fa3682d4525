import { Command } from 'commander'
import type { CommandContext } from './command.ts'
import { addAdminOptions, workOn } from './connect.ts'
import { formatCounted } from './figures.ts'

const EXAMPLES = `
Example:
  mailtrap-receiver prune

Forgets what is older than RETAIN_EVENTS, RETAIN_DEAD and RETAIN_KEYS of the running receiver, which
it otherwise does every hour.`

export function pruneCommand(context: CommandContext): Command {
  const work = { path: '/api/prune', describe: describePruning }
  return addAdminOptions(
    new Command('prune')
      .addHelpText('after', EXAMPLES)
      .action(async () => void (await workOn(context, work))),
  )
}

function describePruning({ pruned }: { readonly pruned: number }): string {
  return pruned === 0 ? 'Nothing is that old.' : `${formatCounted(pruned, 'row')} forgotten.`
}
