import { expect } from 'vitest'
import { EVENT_STATES } from '../../../src/model.ts'
import type { AttemptRow, JobRow, Store, StoreStats } from '../../../src/store/store.ts'
import {
  jobsOf,
  type ModelBatch,
  type ModelEvent,
  type StoreModel,
  stateOf,
} from './store-model.ts'

const ALL = { limit: 500 }

/** Holds everything that people may read of the store against the model. */
export async function compare(model: StoreModel, store: Store): Promise<void> {
  const [stats, events, jobs, quarantine] = await Promise.all([
    store.stats(),
    store.listEvents(ALL),
    store.listJobs(ALL),
    store.listQuarantine(ALL),
  ])
  const newestFirst = [...model.events].reverse()
  expect(events.rows).toHaveLength(newestFirst.length)
  for (const [index, { id }] of events.rows.entries()) learnId(newestFirst[index], id)
  expect(events.rows).toEqual(newestFirst.map((one) => showEvent(model, one)))
  expect(jobs.rows.map(readJob)).toEqual(newestFirst.flatMap(showJobs))
  expect(quarantine.rows).toEqual([...model.quarantine].reverse().map((one) => show(model, one)))
  compareStats(model, stats)
}

function learnId(event: ModelEvent | undefined, id: string): void {
  if (event) event.id ??= id
}

/** A batch's row is forgotten with the events of its age; a pending one may outlive it. */
function batchOf(model: StoreModel, from: ModelBatch): string {
  return model.batches.includes(from) ? from.batch.id : ''
}

export function showEvent(model: StoreModel, one: ModelEvent) {
  const { position, type, name, eventId, recipient, messageId, occurredAt } = one.event
  const { source, provider, receivedAt } = one.from.batch
  return {
    id: one.id,
    batch: batchOf(model, one.from),
    position,
    source,
    provider,
    type,
    name,
    state: stateOf(one),
    eventId,
    recipient,
    messageId,
    occurredAt,
    receivedAt,
  }
}

function showJobs(one: ModelEvent) {
  const jobs = [...one.jobs.values()].sort((a, b) => (a.handler < b.handler ? 1 : -1))
  return jobs.map((job) => ({
    event: one.id,
    handler: job.handler,
    state: job.state,
    attempt: job.attempt,
    hasDueAt: job.state === 'pending',
    lastError: job.record.at(-1)?.error,
    attempts: [...job.record, ...job.success],
  }))
}

/** Without times, which are the engine's. */
function readJob({ dueAt, attempts, ...rest }: JobRow) {
  return { ...rest, hasDueAt: dueAt !== undefined, attempts: attempts.map(readAttempt) }
}

function readAttempt({ endedAt, ...rest }: AttemptRow) {
  expect(endedAt).toBeGreaterThan(0)
  return { ...rest, error: rest.error }
}

function show(model: StoreModel, { piece, from }: StoreModel['quarantine'][number]) {
  const { reason, detail, position, pieces, byteOffset, bytes } = piece
  return {
    id: expect.any(String),
    batch: batchOf(model, from),
    source: from.batch.source,
    reason,
    detail,
    position,
    pieces,
    byteOffset,
    bytes: bytes.byteLength,
    receivedAt: from.batch.receivedAt,
  }
}

function compareStats(
  model: StoreModel,
  { countedAt, oldestPendingMs, ...stats }: StoreStats,
): void {
  const waiting = model.batches.filter(({ isOpen }) => isOpen)
  const pending = model.events.filter((one) => stateOf(one) === 'pending')
  const jobs = jobsOf(model)
  expect(Math.abs(Date.now() - countedAt)).toBeLessThan(60_000)
  expect(stats).toEqual({
    batches: { received: model.received, waiting: waiting.length },
    events: {
      total: model.events.length,
      byState: {
        ...Object.fromEntries(EVENT_STATES.map((state) => [state, 0])),
        ...countBy(model.events, stateOf),
      },
      byType: countBy(model.events, ({ event }) => event.type),
    },
    duplicates: model.duplicates,
    quarantined: model.quarantine.reduce((sum, { piece }) => sum + piece.pieces, 0),
    jobs: Object.fromEntries(
      Object.entries(groupBy(jobs, ({ handler }) => handler)).map(([handler, own]) => [
        handler,
        { pending: 0, done: 0, dead: 0, ...countBy(own, ({ state }) => state) },
      ]),
    ),
    backlog: jobs.filter(({ state }) => state === 'pending').length + waiting.length,
  })
  // The oldest is the one that was stored first; the spool may bring older ones later.
  const times = [...waiting, ...pending.map(({ from }) => from)].map(
    ({ batch }) => batch.receivedAt,
  )
  if (times.length === 0) expect(oldestPendingMs).toBe(0)
  else expect(oldestPendingMs).toBeGreaterThanOrEqual(Date.now() - 60_000 - Math.max(...times))
}

function groupBy<Item>(items: readonly Item[], nameOf: (item: Item) => string) {
  const names = [...new Set(items.map(nameOf))]
  return Object.fromEntries(
    names.map((name) => [name, items.filter((item) => nameOf(item) === name)]),
  )
}

function countBy<Item>(items: readonly Item[], nameOf: (item: Item) => string) {
  return Object.fromEntries(
    Object.entries(groupBy(items, nameOf)).map(([name, { length }]) => [name, length]),
  )
}
