import { Command } from 'commander'
import type { QuarantineJson } from '../admin/json/quarantine-json.ts'
import { type AdminOptions, addAdminOptions, connect } from './admin-client/connect.ts'
import {
  addListOptions,
  type ListOptions,
  printList,
  readWholeNumber,
} from './admin-client/print-list.ts'
import type { CommandContext } from './command-context.ts'
import { formatCount, formatCounted, formatInstant } from './terminal/figures.ts'
import { hexDump } from './terminal/hex-dump.ts'
import { safeLines } from './terminal/safe-text.ts'
import type { Column } from './terminal/table.ts'
import { writeText } from './terminal/write-text.ts'

interface ShowOptions extends AdminOptions {
  readonly json?: boolean
  readonly raw?: boolean
  readonly bytes: number
}

const DEFAULT_SHOWN_BYTES = 1_024

const COLUMNS: readonly Column<QuarantineJson>[] = [
  { title: 'ID', text: (piece) => piece.id },
  { title: 'RECEIVED (UTC)', text: (piece) => formatInstant(piece.received_at) },
  { title: 'SOURCE', text: (piece) => piece.source },
  { title: 'REASON', text: (piece) => piece.reason },
  { title: 'PIECE', text: (piece) => String(piece.position), isFigure: true },
  { title: 'PIECES', text: (piece) => formatCount(piece.pieces), isFigure: true },
  { title: 'BYTES', text: (piece) => formatCount(piece.bytes), isFigure: true },
  { title: 'DETAIL', text: (piece) => piece.detail || '-', mayShrink: true },
]

const EXAMPLES = `
Examples:
  mailtrap-receiver quarantine
  mailtrap-receiver quarantine show 7
  mailtrap-receiver quarantine show 7 --raw > piece.bin`

export function quarantineCommand(context: CommandContext): Command {
  const command = new Command('quarantine')
    .enablePositionalOptions()
    .description('list what was authentic but could not be read')
    .addHelpText('after', EXAMPLES)
    .action(() => listQuarantine(command.opts<ListOptions>(), context))
  addListOptions(addAdminOptions(command))
  return command.addCommand(showCommand(context))
}

function showCommand(context: CommandContext): Command {
  const command = new Command('show')
    .description('show the bytes as received, as text and as hex')
    .argument('<id>', 'its ID in the list')
    .option('--bytes <n>', 'at most so many', readWholeNumber, DEFAULT_SHOWN_BYTES)
    .option('--raw', 'the bytes themselves, all of them, for a file or a pipe')
    .addHelpText('after', EXAMPLES)
    .action((id: string) => showPiece(id, command.opts<ShowOptions>(), context))
  return addAdminOptions(command)
}

function listQuarantine(options: ListOptions, context: CommandContext): Promise<void> {
  return printList<QuarantineJson>(
    {
      path: '/api/quarantine',
      rowsIn: 'quarantine',
      columns: COLUMNS,
      whenEmpty: 'Nothing is in quarantine.',
    },
    options,
    context,
  )
}

async function showPiece(id: string, options: ShowOptions, context: CommandContext): Promise<void> {
  const client = await connect(options, context)
  const bytes = await client.getBytes(`/api/quarantine/${encodeURIComponent(id)}/body`)
  if (options.raw) {
    context.stdout.write(bytes)
    return
  }
  const text = options.json ? asJson(id, bytes) : describeBytes(bytes, options.bytes)
  await writeText(context.stdout, text)
}

function asJson(id: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes).toString('base64')
  return `${JSON.stringify({ id, bytes: bytes.length, base64 })}\n`
}

function describeBytes(bytes: Uint8Array, limit: number): string {
  const shown = bytes.subarray(0, limit)
  const text = safeLines(new TextDecoder('utf-8', { ignoreBOM: true }).decode(shown))
  const rest = bytes.length - shown.length
  const more =
    rest > 0 ? `… ${formatCounted(rest, 'byte')} more: --bytes ${bytes.length}, or --raw\n` : ''
  return `${formatCounted(bytes.length, 'byte')}\n\n${text.replace(/\n$/, '')}\n\n${hexDump(shown)}${more}`
}
