import { Command } from 'commander'
import { type AdminOptions, addAdminOptions, connect } from './admin-client/connect.ts'
import type { CommandContext } from './command-context.ts'
import { formatCounted } from './terminal/figures.ts'
import { createProgress } from './terminal/progress.ts'
import { writeText } from './terminal/write-text.ts'

const EXAMPLES = `
Example:
  mailtrap-receiver prune

Forgets what is older than RETAIN_EVENTS, RETAIN_DEAD and RETAIN_KEYS of the running receiver, which
it otherwise does every hour.`

export function pruneCommand(context: CommandContext): Command {
  const command = new Command('prune')
    .description('forget by age now, instead of within the hour')
    .addHelpText('after', EXAMPLES)
    .action(() => prune(command.opts<AdminOptions & { json?: boolean }>(), context))
  return addAdminOptions(command)
}

async function prune(
  options: AdminOptions & { readonly json?: boolean },
  context: CommandContext,
): Promise<void> {
  const client = await connect(options, context)
  const progress = createProgress(context)
  const { pruned } = await client
    .work<{ pruned: number }>('/api/prune', {}, progress.show)
    .finally(progress.clear)
  const text = options.json ? JSON.stringify({ pruned }) : describePruning(pruned)
  await writeText(context.stdout, `${text}\n`)
}

function describePruning(rows: number): string {
  return rows === 0 ? 'Nothing is that old.' : `${formatCounted(rows, 'row')} forgotten.`
}
