import { Command } from 'commander'
import { hexDump } from '../admin/api/in-words.ts'
import type { QuarantineJson } from '../admin/api/quarantine.ts'
import { type CommandContext, readWholeNumber } from './command.ts'
import { addAdminOptions, addListOptions, connect, printList, workCommand } from './connect.ts'
import { type Column, figureColumn } from './table.ts'
import {
  describeFacts,
  formatCounted,
  formatInstant,
  type Paint,
  printAnswer,
  safeLines,
  writeText,
} from './terminal.ts'

interface ShowOptions {
  readonly raw?: boolean
  readonly bytes: number
}

const COLUMNS: readonly Column<QuarantineJson>[] = [
  { title: 'ID', text: (piece) => piece.id },
  { title: 'RECEIVED (UTC)', text: (piece) => formatInstant(piece.received_at) },
  { title: 'SOURCE', text: (piece) => piece.source },
  { title: 'REASON', text: (piece) => piece.reason },
  { title: 'PIECE', text: (piece) => String(piece.position), isFigure: true },
  figureColumn('PIECES', (piece) => piece.pieces),
  figureColumn('BYTES', (piece) => piece.bytes),
  { title: 'DETAIL', text: (piece) => piece.detail || '-', mayShrink: true },
]

const EXAMPLES = `
Examples:
  mailtrap-receiver quarantine
  mailtrap-receiver quarantine show 7
  mailtrap-receiver quarantine show 7 --raw > piece.bin
  mailtrap-receiver quarantine replay 7`

const LIST = { name: 'quarantine', columns: COLUMNS, whenEmpty: 'Nothing is in quarantine.' }

export function quarantineCommand(context: CommandContext): Command {
  return addListOptions(
    new Command('quarantine')
      .enablePositionalOptions()
      .addHelpText('after', EXAMPLES)
      .action(() => printList(context, LIST))
      .addCommand(showCommand(context))
      .addCommand(replayCommand(context)),
  )
}

function showCommand(context: CommandContext): Command {
  return addAdminOptions(
    new Command('show')
      .description('show why a piece is in quarantine, where it stood, and its bytes')
      .argument('<id>', 'its ID in the list')
      .option('--bytes <n>', 'of the piece, show at most so many', readWholeNumber, 1_024)
      .option('--raw', 'nothing but the bytes as received, for a file or a pipe')
      .addHelpText('after', EXAMPLES)
      .action((id: string, options: ShowOptions) => showPiece(id, options, context)),
  )
}

function replayCommand(context: CommandContext): Command {
  const command = new Command('replay')
    .description('take a piece out of quarantine and read it again, once the reader is mended')
    .argument('<id>', 'its ID in the list')
    .addHelpText('after', `${EXAMPLES}\n\nWhat still cannot be read comes back with another ID.`)
  return workCommand(context, command, (id) => ({
    path: `/api/quarantine/${encodeURIComponent(id)}/replay`,
    describe: ({ batch }: { readonly batch: string }) =>
      `Its bytes are read again, as batch ${batch}.`,
  }))
}

async function showPiece(id: string, options: ShowOptions, context: CommandContext): Promise<void> {
  const client = await connect(context)
  const path = `/api/quarantine/${encodeURIComponent(id)}`
  if (options.raw) return writeText(context.stdout, await client.getBytes(`${path}/body`))
  const piece = await client.get<QuarantineJson>(path)
  const bytes = await client.getBytes(`${path}/body`)
  const answer = { ...piece, base64: Buffer.from(bytes).toString('base64') }
  const limit = options.bytes
  await printAnswer(context, answer, (paint) => describePiece(piece, bytes, { limit, paint }))
}

/**
 * What is in quarantine, for people: why, where it stood, and its first `limit` bytes as text; also
 * as hex when they are not all printable.
 */
function describePiece(
  piece: QuarantineJson,
  bytes: Uint8Array,
  { limit, paint }: { limit: number; paint: Paint },
): string {
  const facts = describeFacts(paint, [
    ['quarantine', piece.id],
    ['reason', piece.reason],
    ['detail', piece.detail || '-'],
    ['received', `${formatInstant(piece.received_at)} UTC, source ${piece.source}`],
    ['batch', `${piece.batch}, ${describePosition(piece)} of its body`],
    ['size', formatCounted(bytes.length, 'byte')],
  ])
  return `${facts}\n${describeBytes(bytes, limit)}`
}

function describePosition({ position, pieces, byte_offset: offset }: QuarantineJson): string {
  const which =
    pieces === 1 ? `piece ${position}` : `pieces ${position} to ${position + pieces - 1}`
  return `${which}, from byte ${offset}`
}

function describeBytes(bytes: Uint8Array, limit: number): string {
  const shown = bytes.subarray(0, limit)
  const rest = bytes.length - shown.length
  // The limit may cut a character in two, which is no fault of the piece.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const decoded = decoder.decode(shown, { stream: rest > 0 })
  const text = safeLines(decoded)
  const isPrintable = text === decoded && !decoded.includes('\ufffd')
  const more =
    rest > 0 ? `… ${formatCounted(rest, 'byte')} more: --bytes ${bytes.length}, or --raw\n` : ''
  return `${text.replace(/\n$/, '')}\n${isPrintable ? '' : `\n${hexDump(shown)}`}${more}`
}
