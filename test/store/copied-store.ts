import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from '../on-test-finished.ts'
import {
  appendAndTake,
  claimOf,
  keep,
  pageOf,
  partOf,
  progressOf,
  pruneAll,
  sampleBatch,
  sampleEvent,
  sampleEvents,
  samplePiece,
} from './sample-rows.ts'
import { openSqliteStore, removeDirectory, type SqliteStore } from './sqlite-harness.ts'
import type { ContractStore } from './store-harness.ts'

/** A folder that goes away with the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-copy-'))
  onTestFinished(() => removeDirectory(folder))
  return folder
}

/** Runs `work` on the store of this folder, alone. */
export async function withStore<Result>(
  folder: string,
  work: (store: SqliteStore) => Promise<Result>,
): Promise<Result> {
  const store = await openSqliteStore(folder)
  try {
    return await work(store)
  } finally {
    store.close()
  }
}

const HANDLERS = [
  { name: 'counter', module: '/h/counter.ts', keys: ['open', '*'], takesBatches: false },
  { name: 'other', module: '/h/other.ts', keys: ['bounce'], takesBatches: true },
]
const DONE = { kind: 'done' } as const
const DEAD = { kind: 'dead', error: 'no column' } as const
const LATER = { kind: 'retry', error: 'later', delayMs: 3_600_000 } as const
const NOW = { kind: 'retry', error: 'at once', delayMs: 0 } as const

/** Events in every state, all that can stand in a table, and bytes that are no text. */
export async function fillStore(store: ContractStore) {
  await store.saveHandlers(HANDLERS)
  await keep(store, sampleEvents(1, { handlers: [] }), { receivedAt: 1_000 })
  const old = { eventsBefore: 0, deadBefore: 0, keysBefore: 4 * 3_600_000 }
  await pruneAll(store, old)
  const events = sampleEvents(1_500)
  await keep(store, events)
  const runs = await store.claimRuns(claimOf('counter'))
  const outcomes = [DONE, DEAD, LATER, NOW]
  const progress = runs.flatMap((run) =>
    outcomes.map((outcome, n) =>
      progressOf(
        run,
        outcome,
        run.events.slice(n * 50, n * 50 + 50).map(({ event }) => event),
      ),
    ),
  )
  await store.commit({ pages: [], progress, jobs: [] })
  await store.commit({
    pages: [],
    progress: runs.map((run) => partOf(run, { isGivenBack: true })),
    jobs: [],
  })
  const dead = await store.archive.listJobs({ state: 'dead', limit: 20 })
  await store.discard(dead.rows, 'Given up: “spring”')
  await keep(store, [
    sampleEvent({ handlers: [], payload: '{"name":"Zoë 🦉", "x": "\\u0000"}' }),
    { ...events[0]!, payload: '{"event":"click"}' },
    sampleEvent({ occurredAt: 1 }),
    sampleEvent({ handlers: ['counter', 'other'], type: 'soft bounce', name: 'email.deferred' }),
    sampleEvent({
      name: undefined,
      recipient: undefined,
      occurredAt: undefined,
      eventId: undefined,
    }),
    events[1]!,
  ])
  // Some are under way when the receiver stops.
  await store.claimJobs(claimOf('counter', 10))
  const parts = [
    sampleEvent(),
    samplePiece({ content: Buffer.from([0, 255, 92, 34, 128]), pieces: 3 }),
    sampleEvent(),
  ]
  const torn = await appendAndTake(store, sampleBatch(parts))
  await store.commit({ pages: [pageOf(torn, parts, { toPiece: 4 })], progress: [], jobs: [] })
  await store.append([
    sampleBatch([], { body: Buffer.from([0, 1, 2, 92, 255]), contentType: undefined }),
  ])
  const entry = { action: 'replay', network: 'local', parameters: { type: 'é' } } as const
  await store.recordAudit({ ...entry, outcome: 'begun', counts: {} })
  await store.recordAudit({ ...entry, outcome: 'done', counts: { jobs: 3 } })
  return events
}

/** A filled file, made once: its bytes, and what a store on it says. */
export async function makeSample() {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-sample-'))
  try {
    const events = await withStore(folder, fillStore)
    const content = await withStore(folder, readStore)
    await withStore(folder, async (store) => void store.wipe('log'))
    const bytes = readFileSync(join(folder, 'receiver.db'))
    const waiting = await withStore(folder, takeAll)
    return { bytes, events, content, waiting }
  } finally {
    removeDirectory(folder)
  }
}

/** All that can be read of a store; the exact texts of the newest events only. */
export async function readStore(store: ContractStore) {
  const { archive } = store
  const events = await readPages((cursor) => archive.listEvents({ limit: 500, ...cursor }))
  const quarantine = await readPages((cursor) => archive.listQuarantine({ limit: 500, ...cursor }))
  const { oldestPendingMs: _, countedAt: __, ...stats } = await archive.stats()
  const jobs = await readPages((cursor) => archive.listJobs({ limit: 500, ...cursor }))
  const bodies = await Promise.all(quarantine.map(({ id }) => archive.quarantineBody(id)))
  return {
    stats,
    handlers: await store.loadHandlers(),
    events,
    jobs: jobs.map(({ dueAt: _dueAt, ...job }) => job),
    details: await Promise.all(events.slice(0, 30).map(({ id }) => archive.getEvent(id))),
    quarantine,
    bodies: bodies.map((bytes) => [...(bytes ?? [])]),
    audit: await readPages((cursor) => archive.listAudit({ limit: 500, ...cursor })),
    series: await archive.countEvents({ from: 0, to: Date.now() + 1e7, bucketMs: 3_600_000 }),
  }
}

/** All rows: a search that took long says with a cursor how far it came. */
export async function readPages<Row>(
  read: (page: { cursor?: string }) => Promise<{
    readonly rows: readonly Row[]
    readonly cursor: string | undefined
  }>,
): Promise<Row[]> {
  const rows: Row[] = []
  let cursor: string | undefined
  do {
    const page = await read(cursor === undefined ? {} : { cursor })
    rows.push(...page.rows)
    cursor = page.cursor
  } while (cursor !== undefined)
  return rows
}

/** Every batch that waits to be unpacked, its bytes as numbers. */
export async function takeAll(store: ContractStore) {
  const taken = await store.takeBatches({ batches: 100, bytes: 2 ** 40, leaseMs: 60_000 })
  return taken.map(({ isFresh: _isFresh, ...batch }) => ({ ...batch, body: [...batch.body] }))
}
