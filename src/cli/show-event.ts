import { basename } from 'node:path'
import { Command, Option } from 'commander'
import type { EventDetailJson } from '../admin/api/events.ts'
import type { HandlerJson } from '../admin/api/handlers.ts'
import type { JobJson } from '../admin/api/jobs.ts'
import { type CommandContext, CommandFailure } from './command.ts'
import { addAdminOptions, connect } from './connect.ts'
import {
  describeFacts,
  formatCounted,
  formatDuration,
  formatInstant,
  type Paint,
  printAnswer,
  safeLines,
  safeText,
  writeText,
} from './terminal.ts'

interface ShowOptions {
  readonly asTest?: boolean
  readonly handler?: string
}

const EXAMPLES = `
Examples:
  mailtrap-receiver events show 1048576 --json
  mailtrap-receiver events show 1048576 --as-test > handlers/hard-bounces.event-1048576.test.ts`

/** `events show` */
export function showEventCommand(context: CommandContext): Command {
  return addAdminOptions(
    new Command('show')
      .description('show one event: its exact payload, its jobs and their attempts')
      .argument('<id>', 'its ID in the list')
      .addOption(
        new Option('--as-test', 'print a test for its handler with that event').conflicts('json'),
      )
      .option('--handler <name>', 'of --as-test: for this one, not the one that failed')
      .addHelpText('after', EXAMPLES)
      .action((id: string, options: ShowOptions) => showEvent(id, options, context)),
  )
}

async function showEvent(id: string, options: ShowOptions, context: CommandContext): Promise<void> {
  const client = await connect(context)
  const event = await client.get<EventDetailJson>(`/api/events/${encodeURIComponent(id)}`)
  if (!options.asTest) return printAnswer(context, event, (paint) => describeEvent(event, paint))
  const { handlers } = await client.get<{ handlers: HandlerJson[] }>('/api/handlers')
  const { text, hint } = writeEventTest(event, handlers, options.handler)
  await writeText(context.stdout, text)
  await writeText(context.stderr, `${hint}\n`)
}

/** One event with its jobs and its exact payload, for people. */
function describeEvent(event: EventDetailJson, paint: Paint): string {
  const facts = describeFacts(paint, [
    ['event', event.id],
    ['type', event.name ? `${event.type} (${event.name})` : event.type],
    ['state', event.state],
    ['received', `${formatInstant(event.received_at)} UTC, source ${event.source}`],
    ['happened', event.occurred_at ? `${formatInstant(event.occurred_at)} UTC` : '-'],
    ['event id', event.event_id ?? '-'],
    ['message id', event.message_id ?? '-'],
    ['recipient', event.recipient ?? '-'],
    ['batch', `${event.batch}, piece ${event.position}`],
  ])
  const jobs = event.jobs.length === 0 ? [explainNoJob(event)] : event.jobs.flatMap(describeJob)
  return [facts, ...jobs, '', safeLines(event.payload), ''].join('\n')
}

function explainNoJob({ is_test: isTest, state }: EventDetailJson): string {
  if (isTest) return 'A test of the provider: it is kept, and never given to handlers.'
  if (state === 'conflict') return 'Its id is that of an event with other content: replay runs it.'
  if (state === 'stale') return 'It is older than the keys kept here: replay runs it.'
  return 'No handler wanted it.'
}

function describeJob(job: JobJson): string[] {
  const due = job.state === 'pending' && job.due_at ? `, due ${formatInstant(job.due_at)} UTC` : ''
  const title = `${safeText(job.handler)}: ${job.state}, ${formatCounted(job.attempt, 'attempt')}${due}`
  const { discarded } = job
  const end = discarded
    ? [`  discarded ${formatInstant(discarded.at)} UTC: ${safeText(discarded.reason)}`]
    : []
  return [title, ...job.attempts.map(describeAttempt), ...end]
}

function describeAttempt(row: JobJson['attempts'][number]): string {
  const error = row.error === null ? '' : `\n${safeLines(row.error).replaceAll(/^/gm, '    ')}`
  const when = `${formatInstant(row.ended_at)} UTC, took ${formatDuration(row.duration_ms)}`
  return `  attempt ${row.attempt}: ${row.outcome}, ${when}${error}`
}

/**
 * A test for vitest that hands an event to a handler as the receiver did, and expects that it is done, and
 * what to say of it to the person who asked. The handler is
 * `wanted`, else the one whose job is dead, else one whose job has failed, else the first that got it.
 */
function writeEventTest(event: EventDetailJson, handlers: readonly HandlerJson[], wanted?: string) {
  const name = wanted ?? chooseHandler(event)
  const module = findModule(name, event, handlers)
  const job = event.jobs.find(({ handler }) => handler === name)
  const [problem] = job?.last_error?.split('\n') ?? []
  const about = problem === undefined ? [] : [`// What came of it last: ${safeText(problem)}`]
  const attempt = Math.max(1, job?.attempt ?? 1)
  const title = `handles event ${event.id}, ${event.type}`
  const text = [
    "import { runHandler } from 'mailtrap-receiver/testing'",
    "import { expect, it } from 'vitest'",
    `import handler from ${JSON.stringify(`./${module}`)}`,
    '',
    `const event = ${writeLiteral(event.payload)}`,
    '',
    ...about,
    `it(${JSON.stringify(title)}, async () => {`,
    '  const run = await runHandler(handler, event, {',
    `    provider: ${JSON.stringify(event.provider)},`,
    `    source: ${JSON.stringify(event.source)},`,
    `    attempt: ${attempt},`,
    `    receivedAt: new Date(${JSON.stringify(event.received_at)}),`,
    '  })',
    "  expect(run.outcome, run.error).toBe('done')",
    '})',
    '',
  ].join('\n')
  const file = `${module.replace(/\.[^.]+$/, '')}.event-${event.id}.test.ts`
  return {
    text,
    hint: `Put it beside ${safeText(module)}, such as in ${safeText(file)}, and run: npx vitest run --dir handlers. It holds the event as it came, with its addresses: change them before you keep it.`,
  }
}

function chooseHandler({ id, jobs, state }: EventDetailJson): string {
  const job =
    jobs.find((one) => one.state === 'dead') ?? jobs.find((one) => one.last_error) ?? jobs[0]
  if (job) return job.handler
  throw new CommandFailure(
    `Event ${id} is ${state}, and no handler got it. Name one with --handler.`,
  )
}

/** The name of its file. */
function findModule(
  name: string,
  { id }: EventDetailJson,
  handlers: readonly HandlerJson[],
): string {
  const known = handlers.find((handler) => handler.name === name)
  const path = known?.module ?? undefined
  if (path !== undefined && !path.startsWith('built-in:')) return basename(path)
  const why = known
    ? 'has no module of yours, so that there is nothing to test'
    : 'is not among those that run'
  const others = handlers.filter(({ module }) => module && !module.startsWith('built-in:'))
  const names = others.map((handler) => handler.name).join(', ') || 'there is none'
  throw new CommandFailure(
    `The handler ${safeText(name)} ${why}. Name another with --handler: ${safeText(names)}. \`events show ${id}\` shows who got it.`,
  )
}

/** An object for people where that is the same, else the exact text, which \`runHandler\` takes, too. */
function writeLiteral(payload: string): string {
  const exact = JSON.stringify(payload)
  // In a module this key would be no field.
  if (payload.includes('__proto__')) return exact
  try {
    const parsed: unknown = JSON.parse(payload)
    const isSame = typeof parsed === 'object' && JSON.stringify(parsed) === payload
    return isSame ? JSON.stringify(parsed, undefined, 2) : exact
  } catch {
    return exact
  }
}
