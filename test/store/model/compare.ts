import { expect } from 'vitest'
import { EVENT_STATES } from '../../../src/model.ts'
import type { AttemptRow, JobRow, StoreStats } from '../../../src/store/store.ts'
import { readPages } from '../copied-store.ts'
import type { ContractStore } from '../store-harness.ts'
import {
  jobsOf,
  type ModelEvent,
  type ModelJob,
  type ModelRun,
  type StoreModel,
  stateOf,
  stateOfJob,
} from './store-model.ts'

const ALL = { limit: 500 }

/** Holds everything that people may read of the store against the model. */
export async function compare(model: StoreModel, { archive }: ContractStore): Promise<void> {
  const [stats, events, jobs, quarantine] = await Promise.all([
    archive.stats(),
    readPages((page) => archive.listEvents({ ...ALL, ...page })),
    readPages((page) => archive.listJobs({ ...ALL, ...page })),
    readPages((page) => archive.listQuarantine({ ...ALL, ...page })),
  ])
  const newestFirst = [...model.events.values()].sort((a, b) => b.id - a.id)
  expect(events).toEqual(newestFirst.map(showEvent))
  expect(jobs.map((job) => readJob(model, job))).toEqual(newestFirst.flatMap(showJobs))
  expect(quarantine).toEqual([...model.quarantine].reverse().map(showPiece))
  compareStats(model, stats)
}

function showEvent(one: ModelEvent) {
  const { position, type, name, eventId, recipient, messageId, occurredAt } = one.event
  const { id: batch, source, provider, receivedAt } = one.batch.batch
  return {
    id: String(one.id),
    batch,
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
  // What a list shows of a job's event.
  const { type, recipient } = one.event
  const { receivedAt } = one.batch.batch
  return jobs.map((job) => {
    const { handler, row, run } = job
    const state = stateOfJob(job)
    return {
      event: String(one.id),
      handler,
      state,
      attempt: row ? row.attempt : run && countAttempts(run, one),
      hasDueAt: row?.state === 'pending',
      lastError: row?.lastError,
      attempts: showAttempts(job),
      type,
      recipient,
      receivedAt,
    }
  })
}

/** What is done was attempted, also where the rest was given back. */
const countAttempts = ({ opened, bits }: ModelRun, event: ModelEvent): number =>
  bits.get(event) === 'done' ? Math.max(1, opened) : opened

type ShownAttempt = Pick<AttemptRow, 'attempt' | 'outcome' | 'error'>

/** In any order: a run tells times to the tenth of a second only. */
const sortAttempts = (attempts: readonly ShownAttempt[]): string[] =>
  attempts.map(({ attempt, outcome, error }) => `${attempt} ${outcome} ${error}`).sort()

function showAttempts({ event, attempts }: ModelJob): string[] {
  // What was done once and again is told of by runs, which go with the body.
  const told = attempts.filter(({ outcome }) => event.batch.hasBody || outcome !== 'done')
  return sortAttempts(
    told.map(({ attempt, ...rest }) => ({
      ...rest,
      attempt: typeof attempt === 'number' ? attempt : countAttempts(attempt, event),
    })),
  )
}

const nameError = (error: string | undefined) =>
  error?.startsWith('interrupted') ? 'interrupted' : error

/** Without times, which are the engine's. */
function readJob(model: StoreModel, { dueAt, attempts, lastError, ...rest }: JobRow) {
  const hasBody = model.events.get(Number(rest.event))?.batch.hasBody
  for (const { endedAt } of attempts) expect(endedAt).toBeGreaterThan(0)
  const told = attempts.filter(({ outcome }) => hasBody || outcome !== 'done')
  return {
    ...rest,
    hasDueAt: dueAt !== undefined,
    lastError: nameError(lastError),
    attempts: sortAttempts(told.map((one) => ({ ...one, error: nameError(one.error) }))),
  }
}

function showPiece({ piece, batch }: StoreModel['quarantine'][number]) {
  const { reason, detail, position, pieces, start, bytes } = piece
  const { id, source, receivedAt } = batch.batch
  return {
    id: expect.any(String),
    batch: id,
    source,
    reason,
    detail,
    position,
    pieces,
    byteOffset: start,
    bytes,
    receivedAt,
  }
}

function compareStats(
  model: StoreModel,
  { countedAt, oldestPendingMs, ...stats }: StoreStats,
): void {
  const waiting = model.batches.filter(({ isOpen }) => isOpen)
  const events = [...model.events.values()]
  const jobs = jobsOf(model)
  const pending = jobs.filter((job) => stateOfJob(job) === 'pending')
  expect(Math.abs(Date.now() - countedAt)).toBeLessThan(60_000)
  const byType = Object.entries(stats.events.byType).filter(([, n]) => n > 0)
  const byHandler = Object.entries(stats.jobs).filter(
    ([, own]) => own.pending + own.done + own.dead > 0,
  )
  expect({
    ...stats,
    events: { ...stats.events, byType: Object.fromEntries(byType) },
    jobs: Object.fromEntries(byHandler),
  }).toEqual({
    batches: { received: model.received, waiting: waiting.length },
    events: {
      total: events.length,
      byState: { ...zeroStates(), ...countBy(events, stateOf) },
      byType: countBy(events, ({ event }) => event.type),
    },
    duplicates: model.duplicates,
    quarantined: model.quarantine.reduce((sum, { piece }) => sum + piece.pieces, 0),
    jobs: Object.fromEntries(
      [...new Set(jobs.map(({ handler }) => handler))].map((handler) => {
        const own = jobs.filter((job) => job.handler === handler)
        return [handler, { pending: 0, done: 0, dead: 0, ...countBy(own, stateOfJob) }]
      }),
    ),
    retrying: countBy(
      jobs.filter(({ row }) => row?.state === 'pending' && row.attempt > 0),
      ({ handler }) => handler,
    ),
    backlog: pending.length + waiting.length,
    oldestWaitingAt: waiting[0]?.batch.receivedAt,
    oldestUntriedAt: findOldestUntried(model),
  })
  if (pending.length + waiting.length === 0) expect(oldestPendingMs).toBe(0)
  else expect(oldestPendingMs).toBeGreaterThan(0)
}

/** By handler, when the oldest batch was received that has an open run; the model has them in order. */
function findOldestUntried({ batches, runs }: StoreModel): Record<string, number> {
  const oldest: Record<string, number> = {}
  for (const batch of batches) {
    for (const { handler, bits } of runs.filter((run) => run.batch === batch)) {
      if ([...bits.values()].includes('open')) oldest[handler] ??= batch.batch.receivedAt
    }
  }
  return oldest
}

const zeroStates = () => Object.fromEntries(EVENT_STATES.map((state) => [state, 0]))

function countBy<Item>(items: readonly Item[], nameOf: (item: Item) => string) {
  const counts: Record<string, number> = {}
  for (const item of items) counts[nameOf(item)] = (counts[nameOf(item)] ?? 0) + 1
  return counts
}
