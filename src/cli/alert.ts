import { hostname } from 'node:os'
import { Command } from 'commander'
import { AlertFailure, sendAlert } from '../alerts/send-alert.ts'
import { readSettings } from '../config.ts'
import { type CommandContext, CommandFailure, EXIT_CODES } from './command.ts'
import { printAnswer } from './terminal.ts'

const EXAMPLES = `
Alerts are sent by the running receiver, to ALERT_URL. This only tries whether they arrive.

Examples:
  mailtrap-receiver alert --test`

interface AlertOptions {
  readonly test?: boolean
  readonly json?: boolean
}

export function alertCommand(context: CommandContext): Command {
  return new Command('alert')
    .option('--test', 'send one message, and say what came back')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action((options: AlertOptions) => tryAlert(options, context))
}

async function tryAlert(options: AlertOptions, context: CommandContext): Promise<void> {
  if (!options.test) {
    throw new CommandFailure('Nothing to do without --test. Try: mailtrap-receiver alert --test', {
      exitCode: EXIT_CODES.usage,
    })
  }
  const { env, now, stopped } = context
  const { alerts, publicUrl } = readSettings({ env, isSourceOptional: true })
  if (!alerts) {
    throw new CommandFailure(
      'ALERT_URL is not set: nobody is told of anything. Set it to where alerts should be posted, such as Slack’s address of an incoming webhook.',
      { exitCode: EXIT_CODES.configuration },
    )
  }
  const receiver = publicUrl ? new URL(publicUrl).host : hostname()
  const text = 'This is a test: alerts of this receiver arrive here.'
  const message = { cause: 'test', state: 'began', since: now(), text, receiver } as const
  const status = await sendAlert(alerts, message, { now: now(), signal: stopped }).catch(
    (error: unknown) => {
      throw error instanceof AlertFailure ? new CommandFailure(error.message) : error
    },
  )
  // The rest of the address may be a secret.
  const { host } = new URL(alerts.url)
  const describe = () => `Sent a test to ${host}, which answered ${status}.`
  await printAnswer({ answer: { host, status }, describe }, options, context)
}
