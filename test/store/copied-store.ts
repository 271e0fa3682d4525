import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { UnpackedEvent } from '../../src/model.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import type { Store } from '../../src/store/store.ts'
import { sampleBatch, sampleEvent, sampleUnreadable, wholeChunk } from './sample-rows.ts'

const LEASE_MS = 60_000

/** The path of a SQLite file, in a folder that goes away with the test. */
export function storeFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-copy-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return storeFileIn(folder)
}

const storeFileIn = (folder: string) => join(folder, 'receiver.db')

/** Runs `work` on the store of this file, alone. */
export async function withStore<Result>(
  file: string,
  work: (store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await openSqliteStore(file)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

export async function keep(store: Store, events: readonly UnpackedEvent[]) {
  const batch = sampleBatch()
  await store.append(batch)
  return await store.commitChunk(wholeChunk(batch.id, { events }))
}

/** 1,507 events in every state, all that can stand in a table, and bytes that are no text. */
export async function fillStore(store: Store): Promise<readonly UnpackedEvent[]> {
  await store.saveHandlers([
    { name: 'counter', module: '/h/counter.ts', keys: ['open', '*'], takesBatches: false },
    { name: 'other', module: '/h/other.ts', keys: ['bounce'], takesBatches: true },
  ])
  await forgetKeys(store)
  const events = Array.from({ length: 1_500 }, (_, n) => sampleEvent({ position: n }))
  await keep(store, events)
  const strange = [
    sampleEvent({ handlers: [], payload: '{"name":"Zoë 🦉", "x": "\\u0000"}' }),
    { ...sampleEvent(events[0]), digest: 'zyxwvutsrqpo' },
    sampleEvent({ occurredAt: 1 }),
    sampleEvent({ handlers: ['counter', 'other'], type: 'soft bounce', name: 'email.deferred' }),
    { ...sampleEvent(), name: undefined, recipient: undefined, occurredAt: undefined },
  ]
  await keep(store, [...strange, events[1]!])
  await settleSome(store)
  const unreadable = sampleUnreadable({ bytes: Buffer.from([0, 255, 92, 34, 128]), pieces: 3 })
  const torn = sampleBatch()
  await store.append(torn)
  await store.commitChunk(
    wholeChunk(torn.id, { events: [sampleEvent()], unreadable: [unreadable], isLast: false }),
  )
  await store.append(sampleBatch({ body: Buffer.from([0, 1, 2, 92, 255]), contentType: undefined }))
  const entry = { action: 'replay', network: 'local', parameters: { type: 'é' } } as const
  await store.recordAudit({ ...entry, outcome: 'begun', counts: {} })
  await store.recordAudit({ ...entry, outcome: 'done', counts: { jobs: 3 } })
  return events
}

/** So that an old event counts as stale. */
async function forgetKeys(store: Store): Promise<void> {
  const old = sampleBatch({ receivedAt: 1_000 })
  await store.append(old)
  await store.commitChunk(wholeChunk(old.id, { events: [sampleEvent({ handlers: [] })] }))
  await store.prune({ eventsBefore: 0, deadBefore: 0, keysBefore: 2_000 })
}

async function settleSome(store: Store): Promise<void> {
  const outcomes = [
    { kind: 'done' },
    { kind: 'dead', error: 'no \0 column' },
    { kind: 'retry', error: 'later', delayMs: 3_600_000 },
    { kind: 'released' },
  ] as const
  const jobs = await store.claim({ handler: 'counter', limit: 1_210, leaseMs: LEASE_MS })
  await store.settle(
    // The last ones are under way when the receiver stops.
    jobs.slice(0, -10).map(({ event, handler, attempt, fence }, n) => ({
      event,
      handler,
      attempt,
      fence,
      durationMs: n,
      outcome: outcomes[n % outcomes.length] ?? outcomes[0],
    })),
  )
}

/** A filled file, made once: its bytes, and what a store on it says. */
export async function makeSample() {
  const file = storeFileIn(mkdtempSync(join(tmpdir(), 'receiver-sample-')))
  try {
    const events = await withStore(file, fillStore)
    const content = await withStore(file, readStore)
    const bytes = readFileSync(file)
    return { bytes, events, content, waiting: await withStore(file, takeAll) }
  } finally {
    rmSync(dirname(file), { recursive: true, force: true })
  }
}

/** All that can be read of a store; the exact texts of the newest events only. */
export async function readStore(store: Store) {
  const events = await readPages((cursor) => store.listEvents({ limit: 500, ...cursor }))
  const quarantine = await readPages((cursor) => store.listQuarantine({ limit: 500, ...cursor }))
  const { oldestPendingMs: _, countedAt: __, ...stats } = await store.stats()
  return {
    stats,
    handlers: await store.loadHandlers(),
    events,
    jobs: await readPages((cursor) => store.listJobs({ limit: 500, ...cursor })),
    details: await Promise.all(events.slice(0, 30).map(({ id }) => store.getEvent(id))),
    quarantine,
    bodies: await Promise.all(
      quarantine.map(async ({ id }) => [...((await store.quarantineBody(id)) ?? [])]),
    ),
  }
}

async function readPages<Row>(
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
export async function takeAll(store: Store) {
  const taken = []
  for (
    let batch = await store.takeBatch(LEASE_MS);
    batch;
    batch = await store.takeBatch(LEASE_MS)
  ) {
    taken.push({ ...batch, body: [...batch.body] })
  }
  return taken
}
