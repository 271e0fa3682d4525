import { Command, Option } from 'commander'
import type { JobJson } from '../admin/json/job-json.ts'
import type { JobState } from '../model.ts'
import { addAdminOptions } from './admin-client/connect.ts'
import { addListOptions, type ListOptions, printList } from './admin-client/print-list.ts'
import type { CommandContext } from './command-context.ts'
import { formatInstant } from './terminal/figures.ts'
import { STATE_COLOURS } from './terminal/state-colours.ts'
import type { Column } from './terminal/table.ts'

interface JobOptions extends ListOptions {
  readonly handler?: string
  readonly state?: JobState
}

const JOB_STATES = ['pending', 'done', 'dead'] as const satisfies readonly JobState[]

const COLUMNS: readonly Column<JobJson>[] = [
  { title: 'EVENT', text: (job) => job.event },
  { title: 'HANDLER', text: (job) => job.handler },
  { title: 'STATE', text: (job) => job.state, colour: (job) => STATE_COLOURS[job.state] },
  { title: 'ATTEMPTS', text: (job) => String(job.attempt), isFigure: true },
  { title: 'DUE (UTC)', text: (job) => formatInstant(job.due_at) },
  { title: 'LAST ERROR', text: (job) => firstLine(job.last_error ?? '-'), mayShrink: true },
]

/** Without the stack, which `events show` tells. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

const EXAMPLES = `
Examples:
  mailtrap-receiver jobs --state dead
  mailtrap-receiver jobs --handler suppressions --all --json
  mailtrap-receiver events show 42   the whole error of a job of event 42`

export function jobsCommand(context: CommandContext): Command {
  const command = new Command('jobs')
    .description('list jobs of a running receiver: one event to be run by one handler')
    .option('--handler <name>', 'of this handler')
    .addOption(new Option('--state <state>', 'in this state').choices(JOB_STATES))
    .addHelpText('after', EXAMPLES)
    .action(() => listJobs(command.opts<JobOptions>(), context))
  return addListOptions(addAdminOptions(command))
}

function listJobs(options: JobOptions, context: CommandContext): Promise<void> {
  const query = { handler: options.handler, state: options.state }
  return printList<JobJson>(
    { path: '/api/jobs', rowsIn: 'jobs', query, columns: COLUMNS, whenEmpty: 'No such job.' },
    options,
    context,
  )
}
