import type { Batch, Outcome } from '../../src/model.ts'
import { eventIdOf } from '../../src/store/event-id.ts'
import type {
  BatchFacts,
  KnownEvent,
  OpenBatch,
  PageResult,
  PruneRequest,
  StoredRun,
  UnpackedEvent,
  UnpackedPage,
} from '../../src/store/store.ts'
import {
  claimOf,
  endedJob,
  eventsOf,
  hashKey,
  LEASE_MS,
  type Placed,
  pageOf,
  piecesOf,
  placeParts,
  progressOf,
  type SampleEvent,
  type SamplePart,
  sampleBatch,
} from './sample-parts.ts'
import type { ContractStore } from './store-harness.ts'

export * from './sample-parts.ts'

const MOST_PIECES = 500

/** What became of a batch. `stored` counts the stale ones, but no conflicts. */
export interface Kept {
  readonly batch: OpenBatch
  /** Numbers of the events that have a row now, in order. */
  readonly events: readonly number[]
  readonly runs: readonly StoredRun[]
  readonly stored: number
  readonly duplicates: number
  readonly conflicts: number
  readonly stale: number
}

export interface KeepOptions extends Partial<Batch> {
  readonly opensFor?: readonly string[]
}

/** Takes the parts through journal, deduplication and unpacking, as one batch. */
export async function keep(
  store: ContractStore,
  parts: readonly SamplePart[],
  { opensFor = [], ...overrides }: KeepOptions = {},
): Promise<Kept> {
  const batch = sampleBatch(parts, overrides)
  const open = await appendAndTake(store, batch)
  return unpack(store, open, { parts, opensFor })
}

export async function appendAndTake(store: ContractStore, batch: Batch): Promise<OpenBatch> {
  await store.append([{ ...batch, body: Buffer.from(batch.body) }])
  const taken = await store.takeBatches({ batches: 1_000, bytes: 2 ** 40, leaseMs: LEASE_MS })
  const open = taken.find(({ id }) => id === batch.id)
  if (!open) throw new Error(`batch ${batch.id} was not given out`)
  return open
}

async function unpack(
  store: ContractStore,
  batch: OpenBatch,
  { parts, opensFor }: { parts: readonly SamplePart[]; opensFor: readonly string[] },
): Promise<Kept> {
  const sum = { stored: 0, duplicates: 0, conflicts: 0, stale: 0 }
  const events: number[] = []
  const runs: StoredRun[] = []
  const pieces = piecesOf(parts)
  let fromPiece = batch.unpackedPieces
  do {
    const toPiece = Math.min(pieces, fromPiece + MOST_PIECES)
    const span = { fromPiece, toPiece, opensFor: new Set(opensFor), body: batch.body }
    const { page, result } = await commitDecided(store, batch, { parts, span })
    if (result.kind !== 'stored') {
      throw result.kind === 'refused' ? result.error : new Error(`the page was ${result.kind}`)
    }
    runs.push(...result.runs)
    events.push(...page.events.map(({ position }) => eventIdOf(batch.seq, position)))
    sum.duplicates += page.duplicates
    for (const { verdict } of page.events) {
      sum[verdict === 'conflict' ? 'conflicts' : 'stored']++
      if (verdict === 'stale') sum.stale++
    }
    fromPiece = toPiece
  } while (fromPiece < pieces)
  return { batch, events, runs, ...sum }
}

/** Decides and commits, again when a key became known meanwhile, as the loop does. */
async function commitDecided(
  store: ContractStore,
  batch: BatchFacts,
  { parts, span }: { parts: readonly SamplePart[]; span: Partial<UnpackedPage> },
): Promise<{ page: UnpackedPage; result: PageResult }> {
  for (let races = 0; races < 10; races++) {
    const page = await decide(store, pageOf(batch, parts, span), parts)
    const { pages } = await store.commit({ pages: [page], progress: [], jobs: [] })
    const result = pages[0]!
    if (result.kind !== 'raced') return { page, result }
  }
  throw new Error('the page raced ten times')
}

/** The same page without its duplicates, and with what is known of the others. */
export async function decide(
  store: ContractStore,
  page: UnpackedPage,
  parts: readonly SamplePart[],
): Promise<UnpackedPage> {
  const placed = placeParts(parts).filter((part): part is Placed<SampleEvent> => 'payload' in part)
  const own = new Map(placed.map((event) => [event.position, event]))
  const seen = await createKnown(store, page, own)
  const events: UnpackedEvent[] = []
  const keys: Uint8Array[] = []
  for (const event of page.events) {
    const { key, payload } = own.get(event.position)!
    const decided = judge(event, { key, content: Buffer.from(payload), seen })
    if (!decided) continue
    events.push(decided.event)
    keys.push(decided.key)
    const number = eventIdOf(page.batch.seq, event.position)
    seen.add(decided.key, { event: number, payload: Buffer.from(payload) })
  }
  const duplicates = page.duplicates + page.events.length - events.length
  return { ...page, events, keys: Buffer.concat(keys), duplicates }
}

interface Seen {
  readonly prunedThrough: number
  get(key: Uint8Array): KnownEvent | undefined
  add(key: Uint8Array, event: KnownEvent): void
}

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex')

/** Both the keys of the events and those that they have as conflicts are asked for at once. */
async function createKnown(
  store: ContractStore,
  page: UnpackedPage,
  own: ReadonlyMap<number, SampleEvent>,
): Promise<Seen> {
  const asked = page.events.flatMap(({ position }) => {
    const { key, payload } = own.get(position)!
    return [key, conflictKey(key, Buffer.from(payload))]
  })
  const { known, prunedThrough } = await store.findKnown(Buffer.concat(asked))
  const seen = new Map([...known].map(([index, event]) => [hex(asked[index]!), event]))
  return {
    prunedThrough,
    get: (key) => seen.get(hex(key)),
    add: (key, event) => void seen.set(hex(key), event),
  }
}

export const conflictKey = (key: Uint8Array, content: Uint8Array): Uint8Array =>
  hashKey(key, content)

/** Undefined for a duplicate: of the event with its key, or of a conflict that is known as well. */
function judge(
  event: UnpackedEvent,
  { key, content, seen }: { key: Uint8Array; content: Uint8Array; seen: Seen },
): { event: UnpackedEvent; key: Uint8Array } | undefined {
  const twin = seen.get(key)
  if (twin) {
    if (!twin.payload || Buffer.compare(twin.payload, content) === 0) return undefined
    const other = conflictKey(key, content)
    if (seen.get(other)) return undefined
    const conflict = {
      verdict: 'conflict',
      twin: twin.event,
      handlers: [],
      isIdKey: false,
    } as const
    return { event: { ...event, ...conflict }, key: other }
  }
  const { prunedThrough } = seen
  const isStale = prunedThrough > 0 && (event.occurredAt ?? prunedThrough) < prunedThrough
  if (!isStale) return { event, key }
  return { event: { ...event, verdict: 'stale', handlers: [] }, key }
}

/**
 * Claims all that a handler may run now and ends it in the same way, as runs and as jobs. Answers
 * the numbers of the events.
 */
export async function endAll(
  store: ContractStore,
  outcome: Outcome,
  handler = 'counter',
): Promise<readonly number[]> {
  const runs = await store.claimRuns(claimOf(handler))
  const jobs = await store.claimJobs(claimOf(handler))
  await store.commit({
    pages: [],
    progress: runs.map((run) => progressOf(run, outcome)),
    jobs: jobs.map((job) => endedJob(job, outcome)),
  })
  return [...runs.flatMap(eventsOf), ...jobs.map((job) => job.event)]
}

/** Forgets by age until it is done; answers how many rows went. */
export async function pruneAll(
  store: Pick<ContractStore, 'prune'>,
  request: PruneRequest,
): Promise<number> {
  let removed = 0
  for (let calls = 0, next = request; calls < 1_000; calls++) {
    const { after, ...receipt } = await store.prune(next)
    removed += receipt.removed
    if (after === undefined) return removed
    next = { ...request, after }
  }
  throw new Error('pruning does not end')
}
