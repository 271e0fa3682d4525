import { createHash } from 'node:crypto'
import type { Batch } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import { BACKFILL_SEEN_MS, widenBackfilled } from '../store/backfilled-span.ts'
import {
  type Archive,
  type BackfilledSpan,
  type Journal,
  pagesOf,
  type Store,
} from '../store/store.ts'

/** Events as they would have come by webhook, and what is to become of them. */
export interface FillRequest {
  readonly source: string
  /** That for which the provider was asked. */
  readonly span: BackfilledSpan
  readonly events: readonly Readonly<Record<string, unknown>>[]
  /** Only tell what is missing. */
  readonly isDry: boolean
}

export interface FillReport {
  readonly known: number
  readonly missing: number
  /** The batch in which the missing ones were put in; undefined: none was. */
  readonly batch: string | undefined
}

export interface FillParts {
  readonly archive: Pick<Archive, 'listEvents' | 'stats'>
  readonly notes: Pick<Store, 'readNote' | 'writeNote'>
  readonly journal: Journal
  readonly provider: Provider
  readonly newBatchId: () => string
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
}

/** A message's first event may come before we are told that it was sent, by another clock. */
const CLOCKS_MS = 3_600_000
/** What came before may take so long until it is unpacked. */
const UNPACKING_MS = 60_000
const LOOK_EVERY_MS = 1_000

/**
 * Puts in, as a batch of their own, those of the events that the store lacks. Whoever unpacks knows
 * before that which times are filled, so that what comes by webhook later is known as the same.
 */
export async function fillEvents(
  { source, span, events, isDry }: FillRequest,
  parts: FillParts,
): Promise<FillReport> {
  const { provider, journal, newBatchId, now } = parts
  const facts = events.flatMap((event) => {
    const known = provider.describe(event)
    const id = known && provider.backfillId?.(known)
    return known && id !== undefined ? [{ event, id, ...known }] : []
  })
  let missing = await findMissing(facts, parts)
  if (!isDry && missing.length > 0) {
    const isNews = (await widenBackfilled(parts.notes, span)) === 'widened'
    if (isNews) await parts.wait(BACKFILL_SEEN_MS + 1_000)
    await waitForUnpacking(parts)
    // Once more: from now on what comes by webhook is known as what is put in.
    missing = await findMissing(missing, parts)
  }
  const report = { known: facts.length - missing.length, missing: missing.length }
  if (isDry || missing.length === 0) return { ...report, batch: undefined }
  const body = Buffer.from(missing.map(({ event }) => `${JSON.stringify(event)}\n`).join(''))
  const id = newBatchId()
  const batch: Batch = {
    id,
    source,
    provider: provider.name,
    receivedAt: now(),
    contentType: 'application/jsonl',
    sha256: createHash('sha256').update(body).digest('hex'),
    body,
  }
  await journal.append(batch)
  return { ...report, batch: id }
}

/** Until what came before this call is unpacked, or should have been. */
async function waitForUnpacking({ archive, wait, now }: FillParts): Promise<void> {
  const before = now()
  for (let waitedMs = 0; waitedMs < UNPACKING_MS; waitedMs += LOOK_EVERY_MS) {
    const { oldestWaitingAt = before } = await archive.stats()
    if (oldestWaitingAt >= before) return
    await wait(LOOK_EVERY_MS)
  }
}

interface Fact {
  /** That which a back-fill would give. */
  readonly id: string
  readonly event: object
  readonly messageId: string | undefined
  readonly occurredAt: number | undefined
}

/** Those that the store has not among the events of their messages. */
async function findMissing(
  facts: readonly Fact[],
  { archive, provider }: FillParts,
): Promise<readonly Fact[]> {
  const firstAt = new Map<string, number>()
  for (const { messageId = '', occurredAt = 0 } of facts) {
    firstAt.set(messageId, Math.min(occurredAt, firstAt.get(messageId) ?? occurredAt))
  }
  const stored = new Set<string>()
  for (const [messageId, occurredAt] of firstAt) {
    const from = Math.max(0, occurredAt - CLOCKS_MS)
    const query = { messageId, from }
    for await (const { rows } of pagesOf((paging) => archive.listEvents({ ...query, ...paging }))) {
      for (const row of rows) {
        const id = row.provider === provider.name ? provider.backfillId?.(row) : undefined
        if (id !== undefined) stored.add(id)
      }
    }
  }
  return facts.filter(({ id }) => !stored.has(id))
}
