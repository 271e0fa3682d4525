import { expect } from 'vitest'
import { eventIdOf } from '../../../src/store/event-id.ts'
import type { KnownEvent, UnpackedPage } from '../../../src/store/store.ts'
import { decide, pageOf, piecesOf, type SampleEvent } from '../sample-rows.ts'
import type { ContractStore } from '../store-harness.ts'
import {
  addRun,
  letGo,
  type ModelBatch,
  type ModelEvent,
  openRun,
  type StoreModel,
} from './store-model.ts'

export interface UnpackValues {
  readonly at: number
  /** Parts of the body in this page. */
  readonly parts: number
  readonly opensFor: readonly string[]
  /** How often it is told to the store. */
  readonly times: number
}

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex')

/** The next page of a batch that somebody has taken, through deduplication into both. */
export async function unpack(model: StoreModel, store: ContractStore, values: UnpackValues) {
  const taken = model.batches.filter(({ isOpen, facts }) => isOpen && facts)
  const batch = taken[values.at % Math.max(1, taken.length)]
  if (!batch?.facts) return
  const whole = pageOf(batch.facts, batch.parts)
  const ends = batch.parts.map((_, index) => piecesOf(batch.parts.slice(0, index + 1)))
  const left = ends.filter((end) => end > batch.unpackedPieces)
  const page = pageOf(batch.facts, batch.parts, {
    fromPiece: batch.unpackedPieces,
    toPiece: left[Math.min(values.parts, left.length) - 1] ?? whole.toPiece,
    opensFor: new Set(values.opensFor),
    body: Buffer.from(batch.batch.body),
  })
  await checkKnown(model, store, page)
  const decided = await decide(store, page, batch.parts)
  for (let time = 0; time < values.times; time++) {
    const { pages } = await store.commit({ pages: [decided], progress: [], jobs: [] })
    const result = pages[0]!
    if (time > 0) {
      expect(result).toEqual({ kind: 'taken' })
      letGo(model, batch)
    } else if (result.kind === 'stored')
      keepPage(model, batch, { page: decided, runs: result.runs })
    else throw new Error(`the page was ${result.kind}`)
  }
}

/** Every key of the page must be known, or not, as the model says; old ones may be forgotten. */
async function checkKnown(model: StoreModel, store: ContractStore, page: UnpackedPage) {
  const { known, prunedThrough } = await store.findKnown(page.keys)
  expect(prunedThrough).toBeGreaterThanOrEqual(model.prunedThrough)
  model.prunedThrough = prunedThrough
  for (const [index] of page.events.entries()) {
    const name = hex(page.keys.subarray(index * 16, index * 16 + 16))
    checkKey(model, name, known.get(index))
  }
}

function checkKey(model: StoreModel, name: string, found: KnownEvent | undefined): void {
  const key = model.keys.get(name)
  if (key?.isForgettable && !found) {
    expect(model.prunedThrough).toBeGreaterThanOrEqual(key.receivedAt)
    model.keys.delete(name)
    return
  }
  expect(found?.event).toBe(key?.event)
  if (!key) return
  const payload = found?.payload && Buffer.from(found.payload).toString()
  expect(payload).toBe(model.events.get(key.event)?.sample.payload)
}

function keepPage(
  model: StoreModel,
  batch: ModelBatch,
  {
    page,
    runs,
  }: { page: UnpackedPage; runs: readonly { run: number; handler: string; fence: number }[] },
): void {
  const samples = samplesOf(batch)
  const { receivedAt } = batch.batch
  const made = page.events.map((event, index): ModelEvent => {
    const id = eventIdOf(page.batch.seq, event.position)
    const key = hex(page.keys.subarray(index * 16, index * 16 + 16))
    model.keys.set(key, { event: id, receivedAt, isForgettable: false })
    const sample = samples.get(event.position)!
    return { id, event, sample, batch, verdict: event.verdict, jobs: new Map(), isGone: false }
  })
  for (const event of made) model.events.set(event.id, event)
  const handlers = [...new Set(page.events.flatMap((event) => event.handlers))].sort()
  expect(runs.map(({ handler }) => handler).sort()).toEqual(handlers)
  for (const { run: number, handler, fence } of [...runs].sort((a, b) => a.run - b.run)) {
    const events = made.filter(({ event }) => event.handlers.includes(handler))
    const run = addRun(model, batch, { handler, events })
    run.number = number
    // As long as the newest lease of batches, where leases end by themselves.
    const isHeld = !model.keepsLeases || model.lastLeaseMs > 0
    expect(fence).toBe(page.opensFor.has(handler) && !model.paused.has(handler) ? 1 : 0)
    if (fence > 0) openRun(model, run, fence, isHeld)
  }
  for (const piece of page.unreadable) model.quarantine.push({ piece, batch })
  model.duplicates += page.duplicates
  batch.unpackedPieces = page.toPiece
  batch.isOpen = !page.isLast
}

/** By position. */
function samplesOf({ parts }: ModelBatch): Map<number, SampleEvent> {
  const starts = parts.map((_, index) => piecesOf(parts.slice(0, index)))
  const samples = new Map<number, SampleEvent>()
  for (const [index, part] of parts.entries()) {
    if ('payload' in part) samples.set(starts[index]!, part)
  }
  return samples
}
