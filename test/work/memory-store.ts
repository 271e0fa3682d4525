import { hash } from 'node:crypto'
import { eventIdOf } from '../../src/store/event-id.ts'
import type {
  KnownEvent,
  OpenBatch,
  PageResult,
  UnpackedPage,
  Work,
} from '../../src/store/store.ts'

export interface Faults {
  /** Called before a page is stored: an answer stands for it, an error for the store's failure. */
  page?: (page: UnpackedPage) => PageResult | undefined
  take?: () => void
}

/** What the unpacker needs of a store, in memory. */
export function createMemoryStore(faults: Faults = {}) {
  const waiting = new Map<number, OpenBatch>()
  const keys = new Map<string, KnownEvent>()
  const stored: UnpackedPage[] = []
  let lastSeq = 0
  let lastRun = 0

  function storePage(page: UnpackedPage): PageResult {
    const fault = faults.page?.(page)
    if (fault) return fault
    const batch = waiting.get(page.batch.seq)
    if (batch?.unpackedPieces !== page.fromPiece) return { kind: 'taken' }
    stored.push(page)
    const body = page.replacement?.body ?? batch.body
    for (const [n, { position, start, bytes }] of page.events.entries()) {
      const name = Buffer.from(page.keys.subarray(n * 16, n * 16 + 16)).toString('hex')
      const event = eventIdOf(batch.seq, position)
      keys.set(name, { event, payload: body.subarray(start, start + bytes) })
    }
    if (page.isLast) waiting.delete(batch.seq)
    else waiting.set(batch.seq, { ...batch, body, unpackedPieces: page.toPiece })
    const handlers = new Set(page.events.flatMap((event) => event.handlers))
    return {
      kind: 'stored',
      runs: [...handlers].map((handler) => {
        return { run: ++lastRun, handler, fence: page.opensFor.has(handler) ? 1 : 0 }
      }),
    }
  }

  return {
    stored,
    events: () => stored.flatMap(({ events }) => events),
    waiting: () => [...waiting.keys()],
    /** A batch that waits in the store. */
    add(body: string): OpenBatch {
      const bytes = new Uint8Array(Buffer.from(body))
      const seq = ++lastSeq
      const batch: OpenBatch = {
        seq,
        id: `batch-${seq}`,
        source: 'mailtrap',
        provider: 'mailtrap',
        receivedAt: 1_768_651_200_000,
        contentType: 'application/json',
        sha256: hash('sha256', bytes),
        unpackedPieces: 0,
        body: bytes,
      }
      waiting.set(seq, batch)
      return batch
    },
    store: {
      takeBatches({ batches }: { batches: number }) {
        faults.take?.()
        return [...waiting.values()].slice(0, batches)
      },
      findKnown(wanted: Uint8Array) {
        const known = new Map<number, KnownEvent>()
        for (let n = 0; n < wanted.length / 16; n++) {
          const name = Buffer.from(wanted.subarray(n * 16, n * 16 + 16)).toString('hex')
          const event = keys.get(name)
          if (event) known.set(n, event)
        }
        return { known, prunedThrough: 0 }
      },
      commit: ({ pages }: Work) => ({ pages: pages.map(storePage), refused: 0 }),
    },
  }
}
