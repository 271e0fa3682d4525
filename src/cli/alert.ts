import { hostname } from 'node:os'
import { Command } from 'commander'
import { AlertFailure, sendAlert } from '../alerts/send-alert.ts'
import { readSettings } from '../config.ts'
import { type CommandContext, CommandFailure, wrongSettings, wrongUse } from './command.ts'
import { printAnswer } from './terminal.ts'

const EXAMPLES = `
Alerts are sent by the running receiver, to ALERT_URL. This only tries whether they arrive.

Examples:
  mailtrap-receiver alert --test`

export function alertCommand(context: CommandContext): Command {
  return new Command('alert')
    .option('--test', 'send one message, and say what came back')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action(({ test }: { readonly test?: boolean }) => tryAlert(test, context))
}

async function tryAlert(isTest = false, context: CommandContext): Promise<void> {
  if (!isTest) throw wrongUse('Nothing to do without --test. Try: mailtrap-receiver alert --test')
  const { env, now, stopped } = context
  const { alerts, publicUrl } = readSettings({ env, isSourceOptional: true })
  if (!alerts) {
    throw wrongSettings(
      'ALERT_URL is not set: nobody is told of anything. Set it to where alerts should be posted, such as Slack’s address of an incoming webhook.',
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
  const answer = { host, status }
  await printAnswer(context, answer, () => `Sent a test to ${host}, which answered ${status}.`)
}
