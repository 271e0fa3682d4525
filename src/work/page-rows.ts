import { ReceiverError } from '../errors.ts'
import type { OpenRun, PageResult, RunEvent, UnpackedPage } from '../store/store.ts'
import type { DraftEvent } from '../unpack/draft-page.ts'
import { KEY_BYTES } from '../unpack/key.ts'

export const NO_KEYS = new Uint8Array(0)

/** A page with its events as they were read: as they are handed out too. */
export interface UnpackedDraft extends UnpackedPage {
  readonly events: readonly DraftEvent[]
  readonly body: Uint8Array
}

/** The runs that were stored as opened, to be handed out. */
export function openRuns(
  { events, batch, body }: UnpackedDraft,
  { runs }: Extract<PageResult, { kind: 'stored' }>,
): OpenRun[] {
  const opened: OpenRun[] = []
  for (const { run, handler, fence } of runs) {
    if (fence === 0) continue
    opened.push({ run, handler, fence, opened: 1, batch, body, events: wantedBy(handler, events) })
  }
  return opened
}

/** No more than is needed until the run has ended: what lives longer than a page costs the collector. */
function wantedBy(handler: string, events: readonly DraftEvent[]): RunEvent[] {
  const wanted: RunEvent[] = []
  for (const { handlers, event, start, bytes, keys, keyAt, type } of events) {
    if (handlers.includes(handler)) wanted.push({ event, start, bytes, keys, keyAt, type })
  }
  return wanted
}

/** Pages of one row each that cover the same pieces. */
export function* splitPage(page: UnpackedDraft): Generator<UnpackedDraft> {
  const rows = [
    ...page.events.map((event, n) => ({
      position: event.position,
      events: [event],
      keys: keyAt(page, n),
      unreadable: [],
    })),
    ...page.unreadable.map((row) => ({
      position: row.position,
      events: [],
      keys: NO_KEYS,
      unreadable: [row],
    })),
  ].sort((one, other) => one.position - other.position)
  let { fromPiece, duplicates } = page
  for (const [index, row] of rows.entries()) {
    const next = rows[index + 1]
    const toPiece = next?.position ?? page.toPiece
    const isLast = page.isLast && next === undefined
    yield { ...page, ...row, fromPiece, toPiece, isLast, duplicates, opensFor: new Set() }
    fromPiece = toPiece
    duplicates = 0
  }
}

/** A page of one event that the store refuses, as what it then is. */
export function toCorrupt({
  events: [event],
  batch,
}: UnpackedPage): UnpackedPage['unreadable'][number] {
  if (!event) throw new ReceiverError('store_refused', { detail: `batch ${batch.id}` })
  const { position, start, bytes } = event
  return { reason: 'corrupt', position, pieces: 1, start, bytes, detail: 'The store refused it.' }
}

function keyAt({ keys }: UnpackedDraft, index: number): Uint8Array {
  return keys.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES)
}
