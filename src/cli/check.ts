import { Command } from 'commander'
import { checkHandlers } from './check/check-handlers.ts'
import { describeCheck } from './check/describe-check.ts'
import type { CommandContext } from './command-context.ts'
import { CommandFailure, EXIT_CODES } from './command-failure.ts'
import { readCommandSettings, type SettingsOptions } from './read-command-settings.ts'
import { formatCounted } from './terminal/figures.ts'
import { createPaint } from './terminal/paint.ts'
import { writeText } from './terminal/write-text.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver check --config receiver.yaml
  HANDLERS=./src/handlers mailtrap-receiver check --json

Opens no port and touches no event. Exit code 78 when something is wrong.`

export function checkCommand(context: CommandContext): Command {
  const command = new Command('check')
    .description('check settings and load every handler, as a start would')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option('--dev', 'as for serve --dev: a signing secret may be missing')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action(() => check(command.opts<SettingsOptions & { json?: boolean }>(), context))
  return command
}

async function check(
  options: SettingsOptions & { readonly json?: boolean },
  context: CommandContext,
): Promise<void> {
  const settings = readCommandSettings(options, context)
  const handlers = await checkHandlers(settings, context)
  const text = options.json
    ? `${JSON.stringify(checkJson(settings.warnings, handlers))}\n`
    : describeCheck(settings, handlers, createPaint(context.stdout, context.env))
  await writeText(context.stdout, text)
  const wrong = handlers.filter((handler) => handler.problems.length > 0).length
  if (wrong === 0) return
  throw new CommandFailure(
    `${formatCounted(wrong, 'handler')} cannot be used; what is wrong stands above.`,
    { exitCode: EXIT_CODES.configuration },
  )
}

function checkJson(
  warnings: readonly string[],
  handlers: Awaited<ReturnType<typeof checkHandlers>>,
) {
  return {
    ok: handlers.every((handler) => handler.problems.length === 0),
    warnings,
    handlers: handlers.map(({ takesBatches, ...handler }) => ({
      ...handler,
      takes_batches: takesBatches,
    })),
  }
}
