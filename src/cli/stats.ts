import { Command } from 'commander'
import type { ProcessJson, StatsJson } from '../admin/json/stats-json.ts'
import { type AdminOptions, addAdminOptions, connect } from './admin-client/connect.ts'
import type { CommandContext } from './command-context.ts'
import { describeProcess, describeStats } from './describe-stats.ts'
import { createPaint, type Paint } from './terminal/paint.ts'
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
  const paint = createPaint(context.stdout, context.env)
  const show = <Json>(json: Json, describe: (json: Json, paint: Paint) => string) =>
    writeText(context.stdout, options.json ? `${JSON.stringify(json)}\n` : describe(json, paint))
  try {
    await show(await client.get<StatsJson>('/api/stats'), describeStats)
  } catch (error) {
    // The store may be away; the spool is then what matters, and the process knows it by itself.
    const known = await client.get<ProcessJson>('/api/process').catch(() => undefined)
    if (known) await show(known, describeProcess)
    throw error
  }
}
