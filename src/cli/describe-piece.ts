import type { QuarantineJson } from '../admin/json/quarantine-json.ts'
import { formatCounted, formatInstant } from './terminal/figures.ts'
import { hexDump } from './terminal/hex-dump.ts'
import type { Paint } from './terminal/paint.ts'
import { safeLines, safeText } from './terminal/safe-text.ts'

const TITLE_WIDTH = 12

/**
 * What is in quarantine, for people: why, where it stood, and its first `limit` bytes as text; also
 * as hex when they are not all printable.
 */
export function describePiece(
  piece: QuarantineJson,
  bytes: Uint8Array,
  { limit, paint }: { limit: number; paint: Paint },
): string {
  const facts: readonly (readonly [title: string, value: string])[] = [
    ['quarantine', piece.id],
    ['reason', piece.reason],
    ['detail', piece.detail || '-'],
    ['received', `${formatInstant(piece.received_at)} UTC, source ${piece.source}`],
    ['batch', `${piece.batch}, ${describePosition(piece)} of its body`],
    ['size', formatCounted(bytes.length, 'byte')],
  ]
  const lines = facts.map(
    ([title, value]) => `${paint('dim', title.padEnd(TITLE_WIDTH))}${safeText(value)}\n`,
  )
  return `${lines.join('')}\n${describeBytes(bytes, limit)}`
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
