import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { ClaimedJob, Outcome } from '../../../src/model.ts'
import type { PruneRequest, Store, UnpackedChunk } from '../../../src/store/store.ts'
import { sampleBatch } from '../sample-rows.ts'
import { type ChunkPlan, chunkPlan, makeChunk } from './chunk-plan.ts'
import { compare } from './compare.ts'
import type { StoreModel } from './store-model.ts'
import * as models from './store-model.ts'

/** The store under test; after a crash it is another. */
export interface StoreUnderTest {
  store: Store
  crash(store: Store): Promise<Store>
}

export type StoreCommand = fc.AsyncCommand<StoreModel, StoreUnderTest>

/** Ended when the next command comes, and not ended while a test runs. */
const LEASES_MS = [0, 600_000] as const
const HANDLERS = ['counter', 'other', 'newcomer'] as const
const TIMES = [1_000, 2_000, 3_000, 4_000] as const

const leaseMs = fc.constantFrom(...LEASES_MS)
const handler = fc.constantFrom(...HANDLERS)
/** How many ask for the same thing at the same moment. */
const times = fc.constantFrom(1, 1, 2)
const place = fc.nat(1_000)

/** One command: what it does to both, after which both must look the same. */
function command<Values>(
  name: string,
  values: Values,
  run: (model: StoreModel, store: Store, values: Values) => Promise<void>,
  isPossible: (model: StoreModel) => boolean = () => true,
): StoreCommand {
  return {
    check: isPossible,
    async run(model, real) {
      await run(model, real.store, values)
      await compare(model, real.store)
    },
    toString: () => `${name} ${JSON.stringify(values)}`,
  }
}

const atOnce = <Value>(count: number, ask: () => Promise<Value>): Promise<Value[]> =>
  Promise.all(Array.from({ length: count }, ask))

const pick = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items[at % Math.max(1, items.length)]

/** Picks from the newest: what was given out long ago is rarely of use. */
const pickNewest = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items.at(-1 - (at % Math.max(1, Math.min(items.length, 8))))

const hasBatches = ({ everAppended }: StoreModel) => everAppended.length > 0
const hasEvents = ({ events }: StoreModel) => events.length > 0
const hasHandedOut = ({ handedOut }: StoreModel) => handedOut.length > 0

interface AppendValues {
  readonly receivedAt: number
  readonly again: number | undefined
  readonly times: number
}

async function append(model: StoreModel, store: Store, values: AppendValues): Promise<void> {
  const { receivedAt, again } = values
  const old = again === undefined ? undefined : pick(model.everAppended, again)
  const id = createHash('md5').update(`${model.everAppended.length}`).digest('hex')
  const batch = old ?? sampleBatch({ id, receivedAt, body: Buffer.from(`{"id":"${id}"}`) })
  await atOnce(values.times, () => store.append({ ...batch, body: Buffer.from(batch.body) }))
  if (!old) model.everAppended.push(batch)
  models.append(model, batch)
}

async function takeBatch(model: StoreModel, store: Store, values: { leaseMs: number }) {
  const expected = model.batches.find(({ isOpen, isLeased }) => isOpen && !isLeased)
  const taken = await store.takeBatch(values.leaseMs)
  if (!expected) return expect(taken).toBeUndefined()
  const { batch, unpackedPieces } = expected
  expect(taken && { ...taken, body: Buffer.from(taken.body) }).toEqual({ ...batch, unpackedPieces })
  expected.isLeased = values.leaseMs > 0
}

interface UnpackValues {
  readonly at: number
  readonly plan: ChunkPlan
  readonly times: number
}

async function unpack(model: StoreModel, store: Store, { at, plan, times: count }: UnpackValues) {
  const open = model.batches.filter(({ isOpen }) => isOpen)
  const found = pick(at % 5 === 0 || open.length === 0 ? model.batches : open, at)
  const name = found?.batch.id ?? pick(model.everAppended, at)?.id ?? ''
  const chunk: UnpackedChunk = makeChunk(name, found?.unpackedPieces ?? 0, plan)
  const receipts = await atOnce(count, () => store.commitChunk(chunk))
  const expected = models.commitChunk(model, chunk)
  // Whoever comes second finds the pieces unpacked.
  const refused = Array.from({ length: count - 1 }, () => undefined)
  const takenFirst = receipts.sort((one, other) => Number(!one) - Number(!other))
  expect(takenFirst).toEqual([expected, ...refused])
}

interface ClaimValues {
  readonly handler: string
  readonly limit: number
  readonly leaseMs: number
  readonly times: number
}

async function claim(model: StoreModel, store: Store, values: ClaimValues): Promise<void> {
  const { times: count, ...request } = values
  // A lease that has ended at once may be claimed at once.
  const claimers = request.leaseMs > 0 ? count : 1
  const claimed = (await atOnce(claimers, () => store.claim(request))).flat()
  const due = models
    .jobsOf(model)
    .filter((job) => job.handler === request.handler && job.state === 'pending' && job.isDue)
  expect(claimed).toHaveLength(Math.min(due.length, request.limit * claimers))
  for (const one of claimed) handOut(model, one, request.leaseMs)
}

function handOut(model: StoreModel, claimed: ClaimedJob, leaseMs: number): void {
  const of = model.events.find(({ id }) => id === claimed.event)
  const job = of?.jobs.get(claimed.handler)
  if (!of || !job?.isDue) throw new Error(`${JSON.stringify(claimed)} is not due`)
  job.attempt++
  job.fence++
  job.isOpen = true
  job.running = job.fence
  job.isDue = leaseMs === 0
  const { event, from } = of
  expect(claimed).toMatchObject({
    attempt: job.attempt,
    fence: job.fence,
    type: event.type,
    payload: event.payload,
    occurredAt: event.occurredAt,
    receivedAt: from.batch.receivedAt,
  })
  const { handler: name, attempt, fence } = job
  model.handedOut.push({ of, handler: name, attempt, fence })
}

interface SettleValues {
  readonly ended: readonly { readonly at: number; readonly later: number; readonly of: Outcome }[]
  readonly times: number
}

async function settle(model: StoreModel, store: Store, values: SettleValues): Promise<void> {
  const ended = values.ended.flatMap(({ at, later, of: outcome }) => {
    const handed = pickNewest(model.handedOut, at)
    if (!handed) return []
    const { of, handler: name, attempt } = handed
    const named = { event: of.id ?? '', handler: name, attempt, fence: handed.fence + later }
    return [{ handed, row: { ...named, durationMs: 3, outcome } }]
  })
  const refused = await atOnce(values.times, () => store.settle(ended.map(({ row }) => row)))
  const settleAll = () =>
    ended.filter(({ handed, row }) => !models.settle(model, handed, row)).length
  const expected = Array.from({ length: values.times }, settleAll)
  const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0)
  expect(sum(refused)).toBe(sum(expected))
}

async function extend(model: StoreModel, store: Store, values: { at: number; leaseMs: number }) {
  const handed = pickNewest(model.handedOut, values.at)
  if (!handed) return
  const { of, handler: name, attempt, fence } = handed
  await store.extend([{ event: of.id ?? '', handler: name, attempt, fence }], values.leaseMs)
  const job = of.jobs.get(name)
  if (job?.running === fence) job.isDue = values.leaseMs === 0
}

interface ReplayValues {
  readonly named: readonly { readonly at: number; readonly handler: string }[]
  readonly only: 'done' | 'dead' | undefined
}

async function replay(model: StoreModel, store: Store, { named, only }: ReplayValues) {
  const jobs = named.flatMap(({ at, handler: name }) => {
    const of = pick(model.events, at)
    return of ? [{ of, handler: name }] : []
  })
  const names = jobs.map(({ of, handler: name }) => ({ event: of.id ?? '', handler: name }))
  const gone = { event: '999999999', handler: 'counter' }
  expect(await store.replay([...names, gone], only)).toBe(models.replay(model, jobs, only))
}

async function prune(model: StoreModel, store: Store, request: PruneRequest): Promise<void> {
  let removed = 0
  for (let calls = 0, isDone = false; !isDone; calls++) {
    const receipt = await store.prune(request)
    removed += receipt.removed
    isDone = receipt.isDone
    if (calls > 20) throw new Error('pruning does not end')
  }
  expect(removed).toBe(models.prune(model, request))
}

const crash: StoreCommand = {
  check: () => true,
  async run(model, real) {
    real.store = await real.crash(real.store)
    models.crash(model)
    await compare(model, real.store)
  },
  toString: () => 'crash',
}

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ kind: 'done' }),
  fc.constant<Outcome>({ kind: 'released' }),
  fc.record({ kind: fc.constant('dead' as const), error: fc.string({ maxLength: 8 }) }),
  fc.record({
    kind: fc.constant('retry' as const),
    error: fc.string({ unit: 'binary', maxLength: 8 }),
    delayMs: leaseMs,
  }),
)
const ended = fc.record({ at: place, later: fc.constantFrom(0, 0, 0, 1), of: outcome })
const before = fc.constantFrom(0, 1_500, 2_500, 3_500, 4_500)

const appends = fc.record({
  receivedAt: fc.constantFrom(...TIMES),
  again: fc.option(place, { nil: undefined, freq: 4 }),
  times,
})
const unpacks = fc.record({ at: place, plan: chunkPlan, times })
const claims = fc.record({ handler, limit: fc.integer({ min: 1, max: 5 }), leaseMs, times })
const settles = fc.record({ ended: fc.array(ended, { minLength: 1, maxLength: 4 }), times })
const replays = fc.record({
  named: fc.array(fc.record({ at: place, handler }), { minLength: 1, maxLength: 3 }),
  only: fc.constantFrom('done' as const, 'dead' as const, undefined, undefined),
})
const prunes = fc.record({ eventsBefore: before, deadBefore: before, keysBefore: before })

const often = <Item>(times: number, items: readonly Item[]): Item[] =>
  Array.from({ length: times }, () => items).flat()

const daily: fc.Arbitrary<StoreCommand>[] = [
  appends.map((values) => command('append', values, append)),
  unpacks.map((values) => command('commitChunk', values, unpack, hasBatches)),
  claims.map((values) => command('claim', values, claim, hasEvents)),
  settles.map((values) => command('settle', values, settle, hasHandedOut)),
]

const occasional: fc.Arbitrary<StoreCommand>[] = [
  fc.record({ leaseMs }).map((values) => command('takeBatch', values, takeBatch)),
  fc.record({ at: place, leaseMs }).map((v) => command('extend', v, extend, hasHandedOut)),
  replays.map((values) => command('replay', values, replay, hasEvents)),
]

/** What may happen to a store. A crash takes as long as many others, and is rare. */
export const COMMANDS: fc.Arbitrary<StoreCommand>[] = [
  ...often(6, daily),
  ...often(4, occasional),
  ...often(2, [prunes.map((values) => command('prune', values, prune))]),
  fc.constant(crash),
]
