import { Command, Option } from 'commander'
import type { DiscardedJson } from '../admin/api/change-jobs.ts'
import { errorLine } from '../admin/api/in-words.ts'
import type { ListedJobJson } from '../admin/api/jobs.ts'
import { JOB_STATES, REPLAYED_STATES } from '../model.ts'
import type { CommandContext } from './command.ts'
import { addListOptions, filterOf, needFilter, printList, workCommand } from './connect.ts'
import type { Column } from './table.ts'
import { formatCounted, formatInstant, STATE_COLOURS } from './terminal.ts'

const COLUMNS: readonly Column<ListedJobJson>[] = [
  { title: 'EVENT', text: (job) => job.event },
  { title: 'TYPE', text: (job) => job.type ?? '-' },
  { title: 'RECIPIENT', text: (job) => job.recipient ?? '-', mayShrink: true },
  { title: 'RECEIVED (UTC)', text: (job) => formatInstant(job.received_at) },
  { title: 'HANDLER', text: (job) => job.handler },
  { title: 'STATE', text: shownState, colour: (job) => STATE_COLOURS[job.state] },
  { title: 'ATTEMPTS', text: (job) => String(job.attempt), isFigure: true },
  { title: 'NEXT (UTC)', text: (job) => formatInstant(job.due_at) },
  { title: 'LAST ERROR', text: lastError, mayShrink: true },
]

/** In the words of `--state`: a pending job that was tried is retrying. */
function shownState({ state, attempt }: ListedJobJson): string {
  return state === 'pending' && attempt > 0 ? 'retrying' : state
}

/** Of a discarded job nobody needs the error any more, but why. */
function lastError({ discarded, last_error: error }: ListedJobJson): string {
  return discarded ? `discarded: ${discarded.reason}` : errorLine(error ?? '-')
}

const EXAMPLES = `
Examples:
  mailtrap-receiver jobs --state dead
  mailtrap-receiver jobs --state retrying         those that failed and wait, and until when
  mailtrap-receiver jobs --handler suppressions --all --json
  mailtrap-receiver jobs retry --handler suppressions
  mailtrap-receiver jobs discard --handler suppressions --reason 'The list was given up.'
  mailtrap-receiver events show 1048576   the whole error of a job of event 1048576`

const LIST = { name: 'jobs', columns: COLUMNS, whenEmpty: 'No such job.' }

export function jobsCommand(context: CommandContext): Command {
  return addListOptions(
    new Command('jobs')
      .enablePositionalOptions()
      .option('--handler <name>', 'of this handler')
      .addOption(
        new Option('--state <state>', 'in this state').choices([...JOB_STATES, 'retrying']),
      )
      .addHelpText('after', EXAMPLES)
      .action(() => printList(context, LIST))
      .addCommand(retryCommand(context))
      .addCommand(discardCommand(context)),
  )
}

/** Which jobs, as for `jobs retry` and `jobs discard`. */
function addSelection(command: Command): Command {
  return command
    .option('--handler <name>', 'of this handler')
    .option('--event <id>', 'of one event, by its ID in the list of events')
    .option('--type <type>', "provider's name of the event, for example bounce")
    .option('--from <time>', 'of events received at or after, for example 2026-11-21T09:30')
    .option('--to <time>', 'of events received before')
}

const RETRY_EXAMPLES = `
Examples:
  mailtrap-receiver jobs retry --handler suppressions              once what it depends on is back
  mailtrap-receiver jobs retry --event 1048576 --handler suppressions
  mailtrap-receiver jobs retry --type bounce --from 2026-11-21T09:30

For jobs that failed and wait for their next attempt. Dead ones: mailtrap-receiver replay --state dead,
or jobs discard where nobody needs them.`

function retryCommand(context: CommandContext): Command {
  const command = addSelection(new Command('retry'))
    .description('run jobs now that wait for their next attempt')
    .addHelpText('after', RETRY_EXAMPLES)
  const everything = 'jobs: without any filter, every job would run now'
  return workCommand(context, command, () => ({
    path: '/api/jobs/retry',
    request: needFilter(filterOf(context), command, everything),
    describe: ({ retried }: { readonly retried: number }) =>
      retried === 0
        ? 'No job that matches waits for its next attempt.'
        : `${formatCounted(retried, 'job runs', 'jobs run')} now.`,
  }))
}

const DISCARD_EXAMPLES = `
Examples:
  mailtrap-receiver jobs discard --handler suppressions --reason 'The list was given up.'
  mailtrap-receiver jobs discard --event 1048576 --reason 'OPS-812: mended by hand'
  mailtrap-receiver jobs discard --handler crm --error 'no such list: #' --reason 'Lists of last year'

For dead jobs that nobody needs any more: they count as dead no longer, and go with their events. Others
stay as they are. The reason is kept with each job, and in the audit trail for ever: leave people out of
it. Taken back by mailtrap-receiver replay --state discarded.`

function discardCommand(context: CommandContext): Command {
  const command = addSelection(new Command('discard'))
    .description('settle dead jobs for good that nobody needs any more')
    .option('--error <text>', 'that failed so, as the page groups failures')
    .option('--reason <text>', 'why; one line of up to 300 characters, needed')
    .addHelpText('after', DISCARD_EXAMPLES)
  const everything = 'jobs: without any filter, every dead job would be discarded'
  return workCommand(context, command, () => {
    const { reason, ...selection } = filterOf(context)
    needFilter(selection, command, everything)
    if (reason === undefined) {
      return command.error('error: say why nobody needs them, with --reason')
    }
    const request = { ...selection, reason }
    return { path: '/api/jobs/discard', request, describe: describeDiscarded }
  })
}

const LEFT: Readonly<Record<keyof DiscardedJson['left'], string>> = {
  pending: 'pending, and runs',
  done: 'done',
  discarded: 'discarded already',
  unknown: 'not there',
}

function describeDiscarded({ discarded, left }: DiscardedJson): string {
  const said =
    discarded === 0
      ? 'No dead job matches: nothing was discarded.'
      : `${formatCounted(discarded, 'job', 'jobs')} discarded.`
  const states = Object.entries(LEFT).flatMap(([state, words]) => {
    const n = left[state as keyof DiscardedJson['left']]
    return n === 0 ? [] : [`${formatCounted(n, 'job is', 'jobs are')} ${words}`]
  })
  return states.length === 0 ? said : `${said} Left as it is: ${states.join('; ')}.`
}

const REPLAY_EXAMPLES = `
Examples:
  mailtrap-receiver replay --state dead                          after a bug in a handler was mended
  mailtrap-receiver replay --handler suppressions --type bounce  for a handler that is new
  mailtrap-receiver replay --event 1048576                       one event, a conflict or stale one too`

export function replayCommand(context: CommandContext): Command {
  const command = new Command('replay')
    .option('--handler <name>', 'for this handler only')
    .addOption(new Option('--state <state>', 'events in this state').choices(REPLAYED_STATES))
    .option('--type <type>', "provider's name of the event, for example bounce")
    .option('--from <time>', 'received at or after, for example 2026-11-21T09:30')
    .option('--to <time>', 'received before')
    .option('--event <id>', 'one event, by its ID in the list of events')
    .addHelpText('after', REPLAY_EXAMPLES)
  const everything = 'events: without any filter, every event would run again'
  return workCommand(context, command, () => ({
    path: '/api/replay',
    request: needFilter(filterOf(context), command, everything),
    describe: ({ replayed }: { readonly replayed: number }) =>
      replayed === 0
        ? 'No job became pending: nothing matches, or what does is pending already or a test of the provider.'
        : `${formatCounted(replayed, 'job is', 'jobs are')} pending again.`,
  }))
}
