import type { RunEvent } from '../../store/store.ts'
import {
  HEAD_BYTES,
  INDEX_BYTES,
  type PageHead,
  type PagePart,
  type ParentOrder,
} from '../channel-frames.ts'
import type { Page, Portion } from './page-ledger.ts'

const KEY_AT = 8
const MAX_CHUNKS = 8

/** What is written for a page: its frame's head and index, then bytes as they lie in the bodies. */
export function pageFrame({ id, slot, isAlone, portions, size }: Page): readonly Uint8Array[] {
  const rest: FrameRest = {
    index: Buffer.allocUnsafe(size * INDEX_BYTES),
    indexed: 0,
    chunks: [],
    bytes: 0,
  }
  for (const portion of portions) addPortion(rest, portion)
  const { index, chunks, bytes } = rest
  const parts = portions.map(describePart)
  const start = startOf({ page: id, slot, isAlone, parts }, index.length + bytes)
  // Each chunk is written by itself, which costs more than copying a small one.
  const isScattered = chunks.length > MAX_CHUNKS
  return isScattered ? [Buffer.concat([start, index, ...chunks])] : [start, index, ...chunks]
}

/** What stands behind the head. */
interface FrameRest {
  readonly index: Buffer
  /** So much of the index is written. */
  indexed: number
  readonly chunks: Uint8Array[]
  /** Of the chunks. */
  bytes: number
}

function addPortion(rest: FrameRest, { body, events }: Portion): void {
  const { index, chunks } = rest
  const span = findSpan(events)
  const spanAt = rest.bytes
  if (span) {
    chunks.push(body.subarray(span.from, span.to))
    rest.bytes += span.to - span.from
  }
  for (const event of events) {
    const { start, bytes } = event
    writeEntry(index, rest.indexed, span ? spanAt + start - span.from : rest.bytes, event)
    rest.indexed += INDEX_BYTES
    if (span) continue
    chunks.push(body.subarray(start, start + bytes))
    rest.bytes += bytes
  }
}

function describePart({ of, attempt, events }: Portion): PagePart {
  const { provider, source, receivedAt } = of.batch
  return { provider, source, receivedAt, attempt, events: events.length }
}

export const orderFrame = (order: ParentOrder): Buffer => startOf(order, 0)

function startOf(head: PageHead | ParentOrder, restBytes: number): Buffer {
  const text = JSON.stringify(head)
  const length = Buffer.byteLength(text)
  const start = Buffer.allocUnsafe(HEAD_BYTES + length)
  start.writeUInt32LE(length, 0)
  start.writeUInt32LE(restBytes, 4)
  start.write(text, HEAD_BYTES)
  return start
}

/**
 * From the first to the last of the events, when most of what lies there is wanted; then it is sent as
 * it is. Undefined: they are to be sent one by one.
 */
function findSpan(events: Portion['events']): { from: number; to: number } | undefined {
  const from = events[0]?.start ?? 0
  let to = from
  let wanted = 0
  for (const { start, bytes } of events) {
    if (start < to) return undefined
    to = start + bytes
    wanted += bytes
  }
  return 2 * wanted >= to - from ? { from, to } : undefined
}

function writeEntry(index: Buffer, at: number, start: number, event: RunEvent): void {
  const { bytes, keys, keyAt } = event
  index.writeUInt32LE(start, at)
  index.writeUInt32LE(bytes, at + 4)
  for (let n = 0; n < INDEX_BYTES - KEY_AT; n++) index[at + KEY_AT + n] = keys[keyAt + n] as number
}
