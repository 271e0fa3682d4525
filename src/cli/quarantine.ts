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
import { describePiece } from './describe-piece.ts'
import { formatCount, formatInstant } from './terminal/figures.ts'
import { createPaint } from './terminal/paint.ts'
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
    .description('show why a piece is in quarantine, where it stood, and its bytes')
    .argument('<id>', 'its ID in the list')
    .option(
      '--bytes <n>',
      'of the piece, show at most so many',
      readWholeNumber,
      DEFAULT_SHOWN_BYTES,
    )
    .option('--raw', 'nothing but the bytes as received, for a file or a pipe')
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
  const path = `/api/quarantine/${encodeURIComponent(id)}`
  if (options.raw) {
    return writeText(context.stdout, await client.getBytes(`${path}/body`))
  }
  const piece = await client.get<QuarantineJson>(path)
  const bytes = await client.getBytes(`${path}/body`)
  const paint = createPaint(context.stdout, context.env)
  const text = options.json
    ? `${JSON.stringify({ ...piece, base64: Buffer.from(bytes).toString('base64') })}\n`
    : describePiece(piece, bytes, { limit: options.bytes, paint })
  await writeText(context.stdout, text)
}
