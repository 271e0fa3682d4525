import { EVENTS_PER_BATCH } from '../load/sample-batches.ts'
import { type AckFigures, measureAcks } from './measure-acks.ts'
import { measureOutcomes, type OutcomeFigures, waitUntilDone } from './measure-outcomes.ts'
import { type Means, type ReceiverUse, withReceiver } from './round-means.ts'

/** The same receiver on an empty store and on one that is full. */
export interface LargeRound {
  readonly empty: StoreRound
  readonly full: StoreRound
}

export interface StoreRound {
  readonly acks: AckFigures
  readonly outcomes: OutcomeFigures
}

/** On the full store, all is done before it is stopped: nothing is left for the next to do. */
export async function runLarge(means: Means, full: string): Promise<LargeRound> {
  const receiver = means.options.receivers[0]
  if (!receiver) throw new Error('There is no receiver.')
  const empty = { receiver, part: 'empty' }
  const large = { receiver, part: 'large', folder: full }
  const acks = { empty: await runAcks(means, empty), full: await runAcks(means, large) }
  const outcomes = { empty: await runOutcomes(means, empty), full: await runOutcomes(means, large) }
  return {
    empty: { acks: acks.empty, outcomes: outcomes.empty },
    full: { acks: acks.full, outcomes: outcomes.full },
  }
}

async function runAcks(means: Means, use: ReceiverUse): Promise<AckFigures> {
  const { client, options } = means
  await client.renew('full', options.fullBatches)
  return withReceiver(means, use, async (server) => {
    const { warmUpMs, measureMs, fullBatches: batches } = options
    const figures = await measureAcks(client, server, { batches, warmUpMs, measureMs })
    if (use.folder) await waitUntilDone(server, figures.acked * EVENTS_PER_BATCH)
    return figures
  })
}

async function runOutcomes(means: Means, use: ReceiverUse): Promise<OutcomeFigures> {
  const { client, options } = means
  await client.renew('full', options.fullBatches)
  const batches = options.events / EVENTS_PER_BATCH
  return withReceiver(means, use, (server) => measureOutcomes(client, server, { batches }))
}
