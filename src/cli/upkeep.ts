import { Command } from 'commander'
import type { EraseJson } from '../admin/api/upkeep.ts'
import { ERASE_PARAMETERS } from '../admin/parameters.ts'
import { type CommandContext, CommandFailure, readerOf } from './command.ts'
import { workCommand } from './connect.ts'
import { formatCounted } from './terminal.ts'

const ERASE_EXAMPLES = `
Example:
  mailtrap-receiver erase user@example.com

Removes what tells of this person: events with their jobs, conflicts, quarantine, what waits to be
unpacked, the spool of this replica, and on SQLite the bytes that deleted rows leave behind. Events
that name the address anywhere go, whoever their recipient is. Keys stay, which are hashes: what is
sent again is known. It can be repeated, and goes on beside the traffic.

Exit code 0 when nothing is left, otherwise 1.`

export function eraseCommand(context: CommandContext): Command {
  const command = new Command('erase')
    .argument('<recipient>', 'e-mail address, in any case', readAddress)
    .addHelpText('after', ERASE_EXAMPLES)
  return workCommand(context, command, (recipient) => ({
    path: '/api/erase',
    request: { recipient },
    describe: describeErasure,
    judge: refuseRest,
  }))
}

const readAddress = readerOf(
  'Give an e-mail address, such as user@example.com.',
  (text) => ERASE_PARAMETERS.safeParse({ recipient: text }).data?.recipient,
)

function describeErasure({ erased, events, quarantined, errors, files }: EraseJson): string {
  if (erased === 0) return 'Nothing told of this person.'
  const parts = [
    formatCounted(events, 'event'),
    formatCounted(quarantined, 'piece in quarantine', 'pieces in quarantine'),
    formatCounted(errors, 'error of another job', 'errors of other jobs'),
    formatCounted(files, 'spool that was set aside', 'spools that were set aside'),
  ]
  return `Erased ${parts.filter((part) => !part.startsWith('0 ')).join(', ')}.`
}

function refuseRest({ waiting, wiped }: EraseJson): void {
  if (waiting > 0) {
    throw new CommandFailure(
      `${formatCounted(waiting, 'batch that tells', 'batches that tell')} of this person could not be unpacked yet. Run the same command again when the backlog is gone; stats shows it.`,
    )
  }
  if (!wiped) {
    throw new CommandFailure(
      "The rows are gone, but the address can still be found among the bytes of the store's files: in a row of somebody whose address contains it, or where a deleted row was. Run the same command again; if it stays, stop the receiver and run VACUUM on the SQLite file.",
    )
  }
}

const PRUNE_EXAMPLES = `
Example:
  mailtrap-receiver prune

Forgets what is older than RETAIN_EVENTS, RETAIN_DEAD and RETAIN_KEYS of the running receiver, which
it otherwise does every hour.`

export function pruneCommand(context: CommandContext): Command {
  const command = new Command('prune').addHelpText('after', PRUNE_EXAMPLES)
  return workCommand(context, command, () => ({
    path: '/api/prune',
    describe: ({ pruned }: { readonly pruned: number }) =>
      pruned === 0 ? 'Nothing is that old.' : `${formatCounted(pruned, 'row')} forgotten.`,
  }))
}
