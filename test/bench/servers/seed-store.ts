import { createHash, randomUUID } from 'node:crypto'
import type { Batch } from '../../../src/model.ts'
import { eventIdOf } from '../../../src/store/event-id.ts'
import { openSqliteEngine } from '../../../src/store/sqlite/engine.ts'
import type { OpenBatch, RunProgress, UnpackedPage } from '../../../src/store/store.ts'
import { EVENTS_PER_BATCH, makeEvents } from '../load/sample-batches.ts'

const HANDLER = 'noop'
/** In one transaction. */
const BATCHES_TOGETHER = 32
const LEASE_MS = 600_000
/** Less than events are kept, or the oldest would be forgotten meanwhile. */
const SPREAD_MS = 20 * 86_400_000
const DAY_MS = 86_400_000
const MERGE_MS = 50
const TELL_EVERY = 1_000_000

/** A batch as it is appended, and what unpacking makes of it. */
interface SeedBatch {
  readonly batch: Batch
  readonly events: UnpackedPage['events']
  readonly keys: Uint8Array
}

/**
 * Fills an empty store with events that are done, through the engine that the receiver has: batches,
 * bodies, events, keys in their segments, runs. Only what reads and routes events is left out.
 */
export async function seedStore(
  file: string,
  events: number,
  tell: (progress: string) => void,
): Promise<void> {
  const engine = await openSqliteEngine(file)
  const batches = Math.ceil(events / EVENTS_PER_BATCH)
  const first = Date.now() - DAY_MS - SPREAD_MS
  let progress: RunProgress[] = []
  try {
    for (let from = 0; from < batches; from += BATCHES_TOGETHER) {
      const size = Math.min(BATCHES_TOGETHER, batches - from)
      const made = Array.from({ length: size }, (_, index) => {
        const number = from + index
        return makeBatch(number, Math.floor(first + (SPREAD_MS * number) / batches))
      })
      engine.append(made.map(({ batch }) => batch))
      const open = engine.takeBatches({
        batches: size,
        bytes: Number.MAX_SAFE_INTEGER,
        leaseMs: LEASE_MS,
      })
      const pages = open.map((batch, index) => makePage(batch, made[index] as SeedBatch))
      const receipt = engine.commit({ pages, progress, jobs: [] })
      progress = receipt.pages.flatMap((result, index) => {
        if (result.kind !== 'stored') throw new Error(`A page is ${result.kind}.`)
        return result.runs.map((run) => finish(run, pages[index] as UnpackedPage))
      })
      while (engine.mergeKeys(MERGE_MS)) {}
      engine.checkpointIfDue()
      const done = (from + size) * EVENTS_PER_BATCH
      if (done % TELL_EVERY < size * EVENTS_PER_BATCH) tell(`${done} of ${events} events seeded`)
    }
    engine.commit({ pages: [], progress, jobs: [] })
  } finally {
    engine.close()
  }
}

function makeBatch(number: number, receivedAt: number): SeedBatch {
  const parts: string[] = []
  const keys = Buffer.alloc(EVENTS_PER_BATCH * 16)
  // The provider's texts here are ASCII: a character is a byte.
  let start = '{"events":['.length
  const events = makeEvents(number, EVENTS_PER_BATCH, receivedAt).map((event, position) => {
    const text = JSON.stringify(event)
    parts.push(text)
    keys.write(event.event_id.replaceAll('-', ''), position * 16, 'hex')
    const unpacked = {
      position,
      start,
      bytes: text.length,
      type: event.event,
      name: undefined,
      eventId: event.event_id,
      isIdKey: true,
      occurredAt: event.timestamp * 1_000,
      recipient: event.email,
      messageId: event.message_id,
      verdict: 'dispatched' as const,
      twin: undefined,
      handlers: [HANDLER],
    }
    start += text.length + 1
    return unpacked
  })
  const body = Buffer.from(`{"events":[${parts.join(',')}]}`)
  const sha256 = createHash('sha256').update(body).digest('hex')
  const batch: Batch = {
    id: randomUUID(),
    source: 'mailtrap',
    provider: 'mailtrap',
    receivedAt,
    contentType: 'application/json',
    sha256,
    body: new Uint8Array(body),
  }
  return { batch, events, keys }
}

function makePage(batch: OpenBatch, { events, keys }: SeedBatch): UnpackedPage {
  return {
    batch,
    fromPiece: 0,
    toPiece: events.length,
    isLast: true,
    events,
    keys,
    unreadable: [],
    duplicates: 0,
    opensFor: new Set([HANDLER]),
  }
}

function finish(
  { run, handler, fence }: { run: number; handler: string; fence: number },
  { batch, events }: UnpackedPage,
): RunProgress {
  return {
    run,
    handler,
    fence,
    batch: batch.seq,
    done: events.map(({ position }) => eventIdOf(batch.seq, position)),
    doneMs: events.map(() => 1),
    failed: [],
    isGivenBack: false,
  }
}
