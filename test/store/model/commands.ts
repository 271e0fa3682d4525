import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Outcome } from '../../../src/model.ts'
import type { PruneRequest } from '../../../src/store/store.ts'
import { pruneAll, sampleBatch } from '../sample-rows.ts'
import type { ContractStore } from '../store-harness.ts'
import { ADDRESSES, HOUR_MS, makePart, partPlans } from './batch-plan.ts'
import { claimJobs, claimRuns, takeBatches } from './claim-commands.ts'
import { compare } from './compare.ts'
import { end } from './end-commands.ts'
import type { StoreModel } from './store-model.ts'
import * as models from './store-model.ts'
import { unpack } from './unpack-command.ts'

/** The store under test; after a crash it is another. */
export interface StoreUnderTest {
  store: ContractStore
  crash(store: ContractStore): Promise<ContractStore>
}

export type StoreCommand = fc.AsyncCommand<StoreModel, StoreUnderTest>

/** Ended when the next command comes, and not ended while a test runs. */
const leaseMs = fc.constantFrom(0, 600_000, 600_000)
const NAMES = ['counter', 'other', 'newcomer'] as const
const handler = fc.constantFrom('counter', 'counter', 'other', 'newcomer')
const place = fc.nat(1_000)

/** One command: what it does to both, after which both must look the same. */
function command<Values>(
  name: string,
  run: (model: StoreModel, store: ContractStore, values: Values) => Promise<void>,
  isPossible: (model: StoreModel) => boolean = () => true,
): (values: Values) => StoreCommand {
  return (values) => ({
    check: isPossible,
    async run(model, real) {
      await run(model, real.store, values)
      checkRuns(model)
      await compare(model, real.store)
    },
    toString: () => `${name} ${JSON.stringify(values)}`,
  })
}

/** Of the model itself: each event of a run is in one state, and who has failed has a row. */
function checkRuns(model: StoreModel): void {
  for (const run of model.runs) {
    for (const [event, bit] of run.bits) {
      if (bit === 'failed') expect(event.jobs.get(run.handler)?.row).toBeDefined()
    }
  }
}

const pick = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items[at % Math.max(1, items.length)]

interface AppendValues {
  readonly hour: number
  readonly again: number | undefined
  readonly plans: readonly Parameters<typeof makePart>[0][]
}

async function append(model: StoreModel, store: ContractStore, values: AppendValues) {
  const { hour, again, plans } = values
  // Of one that is over, its id may be known or not.
  const known = model.batches.filter(({ hasBody }) => hasBody)
  const old = again === undefined ? undefined : pick(known, again)
  const id = createHash('md5').update(`${model.received}`).digest('hex')
  const parts = old?.parts ?? plans.map(makePart)
  const batch = old?.batch ?? sampleBatch(parts, { id, receivedAt: hour * HOUR_MS + 1 })
  await store.append([{ ...batch, body: Buffer.from(batch.body) }])
  models.append(model, batch, parts)
}

interface ReplayValues {
  readonly named: readonly { readonly at: number; readonly handler: string }[]
  readonly only: 'done' | 'dead' | undefined
}

async function replay(model: StoreModel, store: ContractStore, { named, only }: ReplayValues) {
  const events = [...model.events.values()]
  const names = named.flatMap(({ at, handler: name }) => {
    const event = pick(events, at)
    // Without its body, an event is kept for the jobs that carry its bytes.
    const isThere = event && (event.batch.hasBody || event.jobs.get(name)?.row)
    return isThere ? [{ event: String(event.id), handler: name }] : []
  })
  const gone = { event: '999999999', handler: 'counter' }
  expect(await store.replay([...names, gone], only)).toBe(models.replay(model, names, only))
}

async function prune(model: StoreModel, store: ContractStore, request: PruneRequest) {
  await pruneAll(store, request)
  models.prune(model, request)
}

async function erase(model: StoreModel, store: ContractStore, { address }: { address: string }) {
  let after: string | undefined
  for (let calls = 0; calls === 0 || after !== undefined; calls++) {
    const request = { traces: [address], ...(after === undefined ? {} : { after }) }
    after = (await store.erase(request)).after
    if (calls > 50) throw new Error('erasing does not end')
  }
  models.erase(model, address)
}

async function setPaused(
  model: StoreModel,
  store: ContractStore,
  { handler: name, isPaused }: { handler: string; isPaused: boolean },
) {
  expect(await store.setPaused(name, isPaused)).toBe(true)
  if (isPaused) model.paused.add(name)
  else model.paused.delete(name)
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

const error = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 })
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Outcome>({ kind: 'done' }) },
  fc.constant<Outcome>({ kind: 'released' }),
  fc.record({ kind: fc.constant('dead' as const), error }),
  fc.record({ kind: fc.constant('alone' as const), error }),
  fc.record({
    kind: fc.constant('retry' as const),
    error,
    delayMs: leaseMs,
    isSpared: fc.boolean(),
  }),
)
const claims = fc.record({ handler, events: fc.integer({ min: 1, max: 20 }), leaseMs })
const before = fc.constantFrom(0, 2, 3, 4, 5).map((hours) => hours * HOUR_MS)
const prunes = fc
  .record({ eventsBefore: before, deadBefore: before, keysBefore: before })
  .map((request) => ({
    ...request,
    deadBefore: Math.min(request.deadBefore, request.eventsBefore),
  }))

const hasBatches = ({ batches }: StoreModel) => batches.length > 0
const hasEvents = ({ events }: StoreModel) => events.size > 0
const hasHandedOut = ({ handedOut }: StoreModel) => handedOut.length > 0

const kinds: readonly [number, fc.Arbitrary<StoreCommand>][] = [
  [
    5,
    fc
      .record({
        hour: fc.constantFrom(1, 2, 3, 4),
        again: fc.option(place, { nil: undefined, freq: 8 }),
        plans: partPlans,
      })
      .map(command('append', append)),
  ],
  [
    5,
    fc
      .record({ batches: fc.integer({ min: 1, max: 3 }), leaseMs })
      .map(command('takeBatches', takeBatches, hasBatches)),
  ],
  [
    9,
    fc
      .record({
        at: place,
        parts: fc.integer({ min: 1, max: 9 }),
        opensFor: fc.subarray([...NAMES], { maxLength: 1 }),
        times: fc.constantFrom(1, 1, 1, 2),
      })
      .map(command('unpack', unpack, hasBatches)),
  ],
  [6, claims.map(command('claimRuns', claimRuns, hasEvents))],
  [5, claims.map(command('claimJobs', claimJobs, hasEvents))],
  [
    12,
    fc
      .record({
        at: place,
        outcomes: fc.array(fc.option(outcome, { nil: undefined, freq: 4 }), {
          minLength: 1,
          maxLength: 5,
        }),
        isGivenBack: fc.constantFrom(false, false, true),
        times: fc.constantFrom(1, 1, 1, 2),
      })
      .map(command('end', end, hasHandedOut)),
  ],
  [
    5,
    fc
      .record({
        named: fc.array(fc.record({ at: place, handler }), { minLength: 1, maxLength: 6 }),
        only: fc.constantFrom('done' as const, 'dead' as const, undefined, undefined),
      })
      .map(command('replay', replay, hasEvents)),
  ],
  [2, prunes.map(command('prune', prune))],
  [
    1,
    fc.record({ address: fc.constantFrom(...ADDRESSES) }).map(command('erase', erase, hasEvents)),
  ],
  [2, fc.record({ handler, isPaused: fc.boolean() }).map(command('pause', setPaused))],
  // Takes as long as many others.
  [1, fc.constant(crash)],
]

/** What may happen to a store. */
export const COMMANDS: fc.Arbitrary<StoreCommand>[] = kinds.flatMap(([times, kind]) =>
  Array.from({ length: times }, () => kind),
)

/** Whom events wait for, as long as they are known. */
export const HANDLERS = NAMES.map((name) => ({
  name,
  module: `/app/${name}.ts`,
  keys: ['*'],
  takesBatches: false,
}))
