import { Command } from 'commander'
import type { AuditJson } from '../admin/api/audit.ts'
import { listFields } from '../admin/api/in-words.ts'
import type { CommandContext } from './command.ts'
import { addListOptions, printList } from './connect.ts'
import type { Column } from './table.ts'
import { formatCount, formatInstant, STATE_COLOURS } from './terminal.ts'

const COLUMNS: readonly Column<AuditJson>[] = [
  { title: 'AT (UTC)', text: ({ at }) => formatInstant(at) },
  { title: 'ACTION', text: ({ action }) => action },
  { title: 'OUTCOME', text: (row) => row.outcome, colour: (row) => STATE_COLOURS[row.outcome] },
  { title: 'FROM', text: ({ network }) => network },
  { title: 'CAME TO', text: ({ counts }) => listFields(counts, formatCount) || '-' },
  {
    title: 'WITH',
    text: ({ parameters }) => listFields(parameters, formatCount) || '-',
    mayShrink: true,
  },
]

const LIST = { name: 'audit', columns: COLUMNS, whenEmpty: 'Nobody had anything done yet.' }

const EXAMPLES = `
Examples:
  mailtrap-receiver audit
  mailtrap-receiver audit --all --json > audit.jsonl

Every action has two entries, when it began and how it ended. Of who asked, the trail keeps the
network; of an erased person, a hash that only who knows the address can check. Nothing is ever
taken from it.`

export function auditCommand(context: CommandContext): Command {
  return addListOptions(
    new Command('audit').addHelpText('after', EXAMPLES).action(() => printList(context, LIST)),
  )
}
