import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import type { StatsJson } from '../admin/api/stats-schema.ts'
import { readSettings } from '../config.ts'
import { createLogger } from '../observe/create-logger.ts'
import { packageFile } from '../own-files.ts'
import { type CommandContext, CommandFailure, readVersion } from './command.ts'
import {
  type DemoRequest,
  type Exercised,
  type Expectation,
  exercise,
  readDemoRequests,
  type SentRequest,
} from './exercise-demo.ts'
import { runReceiver } from './run-receiver.ts'
import { type Column, createTable, figureColumn } from './table.ts'
import { formatCounted, type Paint, printAnswer, safeText } from './terminal.ts'

interface DemoOptions {
  readonly once?: boolean
  readonly verbose?: boolean
}

const FIXTURES = packageFile('fixtures/')
/** What the handler `audit-alert` writes. */
const ALERTS = 'audit-alerts.log'
const USUAL_PORTS = { PORT: '3000', ADMIN_PORT: '3001' }
const FREE_PORTS = { PORT: '0', ADMIN_PORT: '0' }

const EXAMPLES = `
Examples:
  mailtrap-receiver demo
  mailtrap-receiver demo --once   ends by itself; exit code 1 if anything was not as it must be

Its data is in a temporary directory and is removed at the end. It takes the ports 3000 and 3001,
or free ones where these are taken.`

export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
    .option('--once', 'end when the samples were handled')
    .option('--verbose', "show the receiver's log")
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action((options: DemoOptions) => demo(options, context))
}

async function demo(options: DemoOptions, context: CommandContext): Promise<void> {
  if (!context.options.json)
    context.stderr.write('Starting a receiver with the example handlers …\n')
  const dataDir = await mkdtemp(join(tmpdir(), 'mailtrap-receiver-demo-'))
  const places = { DATA_DIR: dataDir, HOST: '127.0.0.1' }
  try {
    await runDemo({ ...places, ...USUAL_PORTS }, options, context).catch((error) => {
      if (error?.code !== 'EADDRINUSE') throw error
      return runDemo({ ...places, ...FREE_PORTS }, options, context)
    })
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

type DemoPlaces = Readonly<Record<'DATA_DIR' | 'HOST' | 'PORT' | 'ADMIN_PORT', string>>

async function runDemo(
  places: DemoPlaces,
  options: DemoOptions,
  context: CommandContext,
): Promise<void> {
  const samples = readDemoRequests(new URL('requests/', FIXTURES))
  const { verbose } = options
  const app = await createDemoApp(places, { secret: samples.secret, verbose }, context)
  let failures: number | undefined
  await runReceiver(app, context, async (addresses) => {
    const exercised = await exercise(samples, addresses, context)
    // None when the handler has failed, which an expectation then tells.
    const written = await readFile(join(places.DATA_DIR, ALERTS), 'utf8').catch(() => '')
    const result = { ...exercised, alerts: written.split('\n').filter(Boolean).sort() }
    const { webhookUrl, adminUrl, sent, stats, expectations, alerts } = result
    failures = expectations.filter(({ isMet }) => !isMet).length
    const answer = {
      webhook_url: webhookUrl,
      admin_url: adminUrl,
      requests: sent.map(({ request, status }) => ({ title: request.title, status })),
      expectations: expectations.map(({ text, isMet, found }) => ({ text, is_met: isMet, found })),
      alerts,
      stats,
    }
    await printAnswer(context, answer, (paint) => {
      const next = options.once ? '' : describeNextSteps(result, samples.secret, paint)
      return `${describeDemo(result, paint)}${next}`
    })
    return options.once ? 'stop' : 'stay'
  })
  if (failures === undefined && options.once) {
    throw new CommandFailure('Stopped before the samples were handled.')
  }
  if (!failures) return
  throw new CommandFailure(
    `${formatCounted(failures, 'expectation was', 'expectations were')} not met. Run it again with --verbose to see the log.`,
  )
}

/** A receiver like any other, with settings of its own; reached from this machine only. */
async function createDemoApp(
  places: DemoPlaces,
  { secret, verbose = false }: { readonly secret: string; readonly verbose?: boolean | undefined },
  { env, stderr }: CommandContext,
) {
  const { createApp } = await import('../app.ts')
  const settings = readSettings({
    env: {
      ...places,
      MAILTRAP_SIGNING_SECRET: secret,
      HANDLERS: fileURLToPath(new URL('handlers', FIXTURES)),
    },
  })
  return createApp({
    settings,
    log: createLogger({ level: verbose ? 'info' : 'silent', output: stderr }),
    version: readVersion(),
    // Where the example handlers keep what they make; by themselves they would use ./data.
    env: {
      ...env,
      SUPPRESSIONS_DB: join(places.DATA_DIR, 'suppressions.db'),
      ENGAGEMENT_DB: join(places.DATA_DIR, 'engagement.db'),
      ALERT_FILE: join(places.DATA_DIR, ALERTS),
    },
    isBehindBalancer: false,
  })
}

/** What the demo did and found, for people; `alerts`: what `audit-alert` wrote, a line for each event. */
export function describeDemo(
  result: Exercised & { readonly alerts: readonly string[] },
  paint: Paint,
): string {
  const { webhookUrl, sent, stats, expectations, alerts } = result
  const unhandled = formatCounted(stats.events.by_state.unhandled, 'event is', 'events are')
  const [effect] = alerts
  return [
    `${paint('bold', 'Sent')} over HTTP to ${webhookUrl}\n`,
    indent(createTable(requestColumns, { paint })(sent)),
    `\n${paint('bold', 'Handled')} by the examples in fixtures/handlers\n`,
    indent(createTable(handlerColumns, { paint })(Object.entries(stats.jobs))),
    `  ${paint('dim', `${unhandled} stored that no handler asked for.`)}\n`,
    effect === undefined
      ? ''
      : `\n${paint('bold', 'Done')} with one event: audit-alert wrote into its file\n  ${safeText(effect)}\n`,
    `\n${paint('bold', 'Checked')}\n`,
    ...expectations.map((expectation) => describeExpectation(expectation, paint)),
  ].join('')
}

/** Where to look and what to try next. */
function describeNextSteps(
  { webhookUrl, adminUrl }: Exercised,
  secret: string,
  paint: Paint,
): string {
  const send = `MAILTRAP_SIGNING_SECRET=${secret} npx mailtrap-receiver send --count 1000 --url ${webhookUrl}`
  return `
${paint('bold', 'Look')}
  status page   ${paint('cyan', `${adminUrl}/`)}
  events        curl '${adminUrl}/api/events?limit=5'
  quarantine    npx mailtrap-receiver quarantine --admin-url ${adminUrl}
${paint('bold', 'Send more')}
  ${send}
${paint('dim', 'It stays up; Ctrl-C ends it and removes its data.')}
`
}

const requestColumns: readonly Column<SentRequest>[] = [
  {
    title: 'ANSWER',
    text: ({ status }) => String(status),
    colour: ({ request, status }) => (status === request.answer ? 'green' : 'red'),
  },
  { title: 'REQUEST', text: ({ request }) => request.title },
  { title: 'WHAT CAME OF IT', text: ({ request }) => describeOutcome(request) },
]

function describeOutcome({ answer, events, duplicates, quarantined }: DemoRequest): string {
  if (answer !== 200) return 'refused, nothing kept'
  const parts = [
    events > 0 ? `${formatCounted(events, 'event')} stored` : '',
    duplicates > 0 ? `${formatCounted(duplicates, 'duplicate')}, not run again` : '',
    quarantined > 0 ? `${formatCounted(quarantined, 'line')} in quarantine` : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}

const handlerColumns: readonly Column<[name: string, jobs: StatsJson['jobs'][string]]>[] = [
  { title: 'HANDLER', text: ([name]) => name },
  figureColumn('DONE', ([, jobs]) => jobs.done),
  figureColumn('PENDING', ([, jobs]) => jobs.pending),
  figureColumn('DEAD', ([, jobs]) => jobs.dead),
]

function describeExpectation({ text, isMet, found }: Expectation, paint: Paint): string {
  if (isMet) return `  ${paint('green', '✓')} ${text}\n`
  return `  ${paint('red', '✗')} ${text}  ${paint('red', `found: ${safeText(found)}`)}\n`
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ')
}
