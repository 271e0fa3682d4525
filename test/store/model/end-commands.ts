import { expect } from 'vitest'
import type { Outcome } from '../../../src/model.ts'
import type { FailedEvent, RunProgress } from '../../../src/store/store.ts'
import { endedJob, TOOK_MS } from '../sample-rows.ts'
import type { ContractStore } from '../store-harness.ts'
import type { HandedOut, ModelEvent, ModelRun, StoreModel } from './store-model.ts'
import * as models from './store-model.ts'

/** Picks from the newest: what was given out long ago is rarely of use. */
const pickNewest = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items.at(-1 - (at % Math.max(1, Math.min(items.length, 6))))

export interface EndValues {
  readonly at: number
  /** Of the events that were handed out, in order, as many as there are; undefined: not told. */
  readonly outcomes: readonly (Outcome | undefined)[]
  readonly isGivenBack: boolean
  readonly times: number
}

/** What was handed out ends, in time or not, once or told again. */
export async function end(
  model: StoreModel,
  store: ContractStore,
  values: EndValues,
): Promise<void> {
  const handed = pickNewest(model.handedOut, values.at)
  if (!handed) return
  for (let time = 0; time < values.times; time++) {
    if (handed.run) await endRun(model, store, { handed, values })
    else await endJob(store, { handed, outcome: values.outcomes[0] ?? { kind: 'released' } })
  }
}

async function endRun(
  model: StoreModel,
  store: ContractStore,
  { handed, values }: { handed: HandedOut & { run: ModelRun }; values: EndValues },
) {
  const { run, fence, events } = handed
  const ends = events.flatMap((event, index) => {
    const outcome = values.outcomes[index % values.outcomes.length]
    return outcome && outcome.kind !== 'released' ? [{ event, outcome }] : []
  })
  const progress = toProgress(run, { fence, ends, isGivenBack: values.isGivenBack })
  const { refused } = await store.commit({ pages: [], progress: [progress], jobs: [] })
  const isLate = run.fence !== fence
  const taken = isLate ? [] : ends.filter(({ event }) => run.bits.get(event) === 'open')
  for (const { event, outcome } of taken) models.endInRun(run, event, outcome)
  // Of what is told again nobody need say anything.
  if (ends.length > 0 && isLate) expect(refused).toBeGreaterThan(0)
  if (taken.length === ends.length && !isLate) expect(refused).toBe(0)
  if (!values.isGivenBack) return
  if (!isLate) models.giveBackRun(run)
  // Who has given it back tells no more of it.
  model.handedOut = model.handedOut.filter((one) => one.run !== run || one.fence !== fence)
}

function toProgress(
  run: ModelRun,
  told: {
    fence: number
    ends: readonly { event: ModelEvent; outcome: Outcome }[]
    isGivenBack: boolean
  },
): RunProgress {
  const done = told.ends.flatMap(({ event, outcome }) =>
    outcome.kind === 'done' ? [event.id] : [],
  )
  const failed = told.ends.flatMap(({ event, outcome }): FailedEvent[] =>
    outcome.kind === 'done' || outcome.kind === 'released'
      ? []
      : [{ event: event.id, durationMs: TOOK_MS, outcome }],
  )
  return {
    run: run.number!,
    handler: run.handler,
    fence: told.fence,
    batch: run.batch.facts!.seq,
    done,
    doneMs: done.map(() => TOOK_MS),
    failed,
    isGivenBack: told.isGivenBack,
  }
}

async function endJob(
  store: ContractStore,
  { handed, outcome }: { handed: HandedOut & { run?: undefined }; outcome: Outcome },
): Promise<void> {
  const { job, fence } = handed
  const named = { event: job.event.id, handler: job.handler, fence }
  const { refused } = await store.commit({
    pages: [],
    progress: [],
    jobs: [endedJob(named, outcome)],
  })
  const isThere = job.event.jobs.get(job.handler) === job && !job.event.isGone
  expect(refused).toBe(isThere && models.settleRow(job, fence, outcome) ? 0 : 1)
}
