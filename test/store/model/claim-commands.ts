import { expect } from 'vitest'
import { claimOf, eventsOf, textsOf } from '../sample-rows.ts'
import type { ContractStore } from '../store-harness.ts'
import type { ModelRun, StoreModel } from './store-model.ts'
import * as models from './store-model.ts'

/** The oldest batches that are free, in both. */
export async function takeBatches(
  model: StoreModel,
  store: ContractStore,
  values: { readonly batches: number; readonly leaseMs: number },
) {
  const free = model.batches.filter(({ isOpen, isHeld }) => isOpen && !isHeld)
  const taken = await store.takeBatches({ ...values, bytes: 2 ** 40 })
  const expected = free.slice(0, values.batches)
  model.lastLeaseMs = values.leaseMs
  const told = taken.map((one) => ({ ...one, body: Buffer.from(one.body) }))
  expect(told).toMatchObject(
    expected.map(({ batch, unpackedPieces }) => ({ ...batch, unpackedPieces })),
  )
  for (const [index, one] of expected.entries()) {
    const { seq } = taken[index]!
    const { id, source, provider, receivedAt } = one.batch
    if (one.facts) expect(seq).toBe(one.facts.seq)
    one.facts = { seq, id, source, provider, receivedAt }
    one.isHeld = values.leaseMs > 0
    one.isOrphan = false
  }
}

export interface ClaimValues {
  readonly handler: string
  readonly events: number
  readonly leaseMs: number
}

const isHeldBy = (model: StoreModel, lease: number): boolean => !model.keepsLeases || lease > 0

export async function claimRuns(model: StoreModel, store: ContractStore, values: ClaimValues) {
  const { handler: name, events, leaseMs: lease } = values
  const claimed = await store.claimRuns(claimOf(name, events, lease))
  const free = model.runs.filter(
    (run) => run.handler === name && !run.isHeld && models.openEvents(run).length > 0,
  )
  const numbers = claimed.map(({ run }) => run)
  if (model.paused.has(name) || free.length === 0) return expect(numbers).toEqual([])
  expect(numbers).not.toEqual([])
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  const total = claimed.reduce((sum, run) => sum + run.events.length, 0)
  if (claimed.length > 1) expect(total).toBeLessThanOrEqual(events)
  const all = free.reduce((sum, run) => sum + models.openEvents(run).length, 0)
  if (all <= events) expect(claimed).toHaveLength(free.length)
  for (const one of claimed) {
    const run = findRun(free, one)
    run.number = one.run
    models.openRun(model, run, one.fence, isHeldBy(model, lease))
    expect(one.opened).toBe(run.opened)
    expect(one.batch).toEqual(run.batch.facts)
    expect(textsOf(one)).toEqual(models.openEvents(run).map(({ sample }) => sample.payload))
  }
  const left = free.flatMap(({ number, isHeld }) =>
    isHeld || number === undefined ? [] : [number],
  )
  if (isHeldBy(model, lease)) expect(Math.min(...left)).toBeGreaterThan(numbers.at(-1)!)
}

/** By its number, or as it was made by a replay. */
function findRun(
  free: readonly ModelRun[],
  claimed: { run: number } & Parameters<typeof eventsOf>[0],
) {
  const events = eventsOf(claimed)
  const isIt = (run: ModelRun) =>
    run.number === undefined
      ? models
          .openEvents(run)
          .map(({ id }) => id)
          .join() === events.join()
      : run.number === claimed.run
  const found = free.find((run) => run.number === claimed.run) ?? free.find(isIt)
  expect(found && models.openEvents(found).map(({ id }) => id)).toEqual(events)
  return found!
}

export async function claimJobs(model: StoreModel, store: ContractStore, values: ClaimValues) {
  const { handler: name, events, leaseMs: lease } = values
  const claimed = await store.claimJobs(claimOf(name, events, lease))
  const due = models
    .jobsOf(model)
    .filter((job) => job.handler === name && job.row?.state === 'pending')
    .filter(({ row }) => row!.isDue && !row!.isHeld)
  const isPaused = model.paused.has(name)
  expect(claimed).toHaveLength(isPaused ? 0 : Math.min(due.length, events))
  for (const one of claimed) {
    const job = due.find(({ event }) => event.id === one.event)
    if (!job) throw new Error(`${one.event} is not due`)
    expect(job.row?.fences).not.toContain(one.fence)
    const row = models.claimRow(job, one.fence, isHeldBy(model, lease))
    const { attempt, spared, isAlone } = row
    expect(one).toMatchObject({
      attempt,
      counted: attempt - spared,
      isAlone,
      type: job.event.event.type,
      batch: job.event.batch.facts,
    })
    expect(Buffer.from(one.payload).toString()).toBe(job.event.sample.payload)
    model.handedOut.push({ job, fence: one.fence })
  }
}
