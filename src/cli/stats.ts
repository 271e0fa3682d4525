import { Command } from 'commander'
import type { StatsJson } from '../admin/json/stats-json.ts'
import { type AdminOptions, addAdminOptions, connect } from './admin-client/connect.ts'
import type { CommandContext } from './command-context.ts'
import { describeStats } from './describe-stats.ts'
import { createPaint } from './terminal/paint.ts'
import { writeText } from './terminal/write-text.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver stats
  mailtrap-receiver stats --json | jq .backlog`

export function statsCommand(context: CommandContext): Command {
  const command = new Command('stats')
    .description('show what a running receiver received, handled, refused and quarantined')
    .addHelpText('after', EXAMPLES)
    .action(() => showStats(command.opts<AdminOptions & { json?: boolean }>(), context))
  return addAdminOptions(command)
}

async function showStats(
  options: AdminOptions & { readonly json?: boolean },
  context: CommandContext,
): Promise<void> {
  const client = await connect(options, context)
  const stats = await client.get<StatsJson>('/api/stats')
  const text = options.json
    ? `${JSON.stringify(stats)}\n`
    : describeStats(stats, createPaint(context.stdout, context.env))
  await writeText(context.stdout, text)
}
