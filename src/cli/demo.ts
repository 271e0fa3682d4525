import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { packageFile } from '../own-files.ts'
import { createAdminClient } from './admin-client.ts'
import { type CommandContext, CommandFailure, reachableUrl } from './command.ts'
import { ALERTS, createDemoApp } from './demo/create-demo-app.ts'
import { checkDemo } from './demo/demo-expectations.ts'
import { ANY_PORTS, chooseDemoPorts, type DemoPorts, isPortTaken } from './demo/demo-ports.ts'
import { type DemoRequests, readDemoRequests } from './demo/demo-requests.ts'
import { type DemoResult, describeDemo, describeNextSteps } from './demo/describe-demo.ts'
import { sendDemo } from './demo/send-demo.ts'
import { waitUntilHandled } from './demo/wait-until-handled.ts'
import { formatCounted } from './figures.ts'
import { type ReceiverAddresses, runReceiver } from './run-receiver.ts'
import { createPaint, writeText } from './terminal.ts'

interface DemoOptions {
  readonly once?: boolean
  readonly json?: boolean
  readonly verbose?: boolean
}

const FIXTURES = packageFile('fixtures/')

const EXAMPLES = `
Examples:
  mailtrap-receiver demo
  mailtrap-receiver demo --once   ends by itself; exit code 1 if anything was not as it must be

Its data is in a temporary directory and is removed at the end. It takes the ports 3000 and 3001,
or free ones where these are taken.`

export function demoCommand(context: CommandContext): Command {
  const command = new Command('demo')
    .option('--once', 'end when the samples were handled')
    .option('--verbose', "show the receiver's log")
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action(() => demo(command.opts<DemoOptions>(), context))
  return command
}

async function demo(options: DemoOptions, context: CommandContext): Promise<void> {
  if (!options.json) context.stderr.write('Starting a receiver with the example handlers …\n')
  const dataDir = await mkdtemp(join(tmpdir(), 'mailtrap-receiver-demo-'))
  try {
    await runDemo(dataDir, await chooseDemoPorts(), options, context).catch((error) => {
      if (!isPortTaken(error)) throw error
      return runDemo(dataDir, ANY_PORTS, options, context)
    })
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function runDemo(
  dataDir: string,
  ports: DemoPorts,
  options: DemoOptions,
  context: CommandContext,
): Promise<void> {
  const samples = readDemoRequests(new URL('requests/', FIXTURES))
  const handlersDir = fileURLToPath(new URL('handlers', FIXTURES))
  const places = { dataDir, handlersDir, ports, secret: samples.secret }
  const app = await createDemoApp(places, context, options.verbose ?? false)
  let failures = 0
  await runReceiver(app, context, async (addresses) => {
    const result = await exercise(samples, addresses, context)
    const alerts = await readAlerts(dataDir)
    failures = result.expectations.filter((expectation) => !expectation.isMet).length
    await writeText(
      context.stdout,
      describe({ ...result, alerts }, samples.secret, options, context),
    )
    return options.once ? 'stop' : 'stay'
  })
  if (failures === 0) return
  throw new CommandFailure(
    `${formatCounted(failures, 'expectation was', 'expectations were')} not met. Run it again with --verbose to see the log.`,
  )
}

async function exercise(
  samples: DemoRequests,
  { publicUrl, adminUrl = '' }: ReceiverAddresses,
  context: CommandContext,
): Promise<Omit<DemoResult, 'alerts'>> {
  const webhookUrl = `${reachableUrl(publicUrl)}/webhooks/mailtrap`
  const client = createAdminClient({ url: adminUrl, stopped: context.stopped })
  const sent = await sendDemo(new URL(webhookUrl), samples.requests, context)
  const accepted = samples.requests.filter((request) => request.answer === 200).length
  const stats = await waitUntilHandled(client, accepted, context)
  const expectations = checkDemo(samples, sent, stats)
  return { webhookUrl, adminUrl: reachableUrl(adminUrl), sent, stats, expectations }
}

/** In the order of the events; none when the handler has failed, which an expectation then tells. */
async function readAlerts(dataDir: string): Promise<string[]> {
  const text = await readFile(join(dataDir, ALERTS), 'utf8').catch(() => '')
  return text.split('\n').filter(Boolean).sort()
}

function describe(
  result: DemoResult,
  secret: string,
  { once = false, json = false }: DemoOptions,
  { stdout, env }: CommandContext,
): string {
  if (json) return `${JSON.stringify(demoJson(result))}\n`
  const paint = createPaint(stdout, env)
  const report = describeDemo(result, paint)
  if (once) return report
  const ending = paint('dim', 'It stays up; Ctrl-C ends it and removes its data.')
  return `${report}${describeNextSteps(result, secret, paint)}\n${ending}\n`
}

function demoJson({ webhookUrl, adminUrl, sent, stats, expectations, alerts }: DemoResult) {
  return {
    webhook_url: webhookUrl,
    admin_url: adminUrl,
    requests: sent.map(({ request, status }) => ({ title: request.title, status })),
    expectations: expectations.map(({ text, isMet, found }) => ({ text, is_met: isMet, found })),
    alerts,
    stats,
  }
}
