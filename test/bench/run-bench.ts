import { chmodSync, mkdirSync } from 'node:fs'
import { type AckFigures, checkJournal, measureAcks } from './ack-round.ts'
import type { BenchOptions } from './bench-options.ts'
import type { Percentiles } from './load/percentiles.ts'
import { startLoadClient } from './load/start-load-client.ts'
import { describeMachine, type MachineFacts } from './machine/describe-machine.ts'
import { measureSync } from './machine/disk-sync.ts'
import { measureOutcomes, type OutcomeFigures } from './outcome-round.ts'
import { type Means, withEmptyFolder } from './round-means.ts'
import { profileFlags } from './servers/profile-flags.ts'
import { startProviderSample } from './servers/start-provider-sample.ts'
import { startReceiver } from './servers/start-receiver.ts'
import {
  openSharedServers,
  runSharedRound,
  type SharedRound,
  type SharedServers,
} from './shared-round.ts'

const SMALL_SYNC = { bytes: 4_096, times: 200 }
const BATCH_SYNCS = 100

export interface BenchFigures {
  readonly machine: MachineFacts
  readonly options: BenchOptions
  readonly batchBytes: number
  /** How long the disk takes to keep 4 KB, and to keep a batch; milliseconds. */
  readonly smallSyncMs: Percentiles
  readonly batchSyncMs: Percentiles
  /** The servers behind `shared`; undefined: none, or not asked for. */
  readonly shared:
    | (Pick<SharedServers, 'redisVersion' | 'gaps'> & { postgresVersion: string })
    | undefined
  readonly rounds: readonly BenchRound[]
}

export interface BenchRound {
  /** (a) The provider's sample, which stores nothing. */
  readonly sample: AckFigures
  /** (b) The receiver, acknowledging what it has stored. */
  readonly receiver: AckFigures
  /** (c) The receiver, from the first byte to the last outcome. */
  readonly outcomes: OutcomeFigures
  /** The same on PostgreSQL, and what job libraries make of it. */
  readonly shared: SharedRound | undefined
}

/** Everything, in turns, so that whatever else the machine does meets all of them alike. */
export async function runBench(
  options: BenchOptions,
  parts: { folder: string; tell: (progress: string) => void },
): Promise<BenchFigures> {
  const { folder, tell } = parts
  mkdirSync(folder, { recursive: true })
  const machine = await describeMachine(folder)
  tell(`rendering ${options.batches} signed batches`)
  const client = await startLoadClient(options.batches)
  const servers = options.sharedEvents > 0 ? await startShared(folder, tell) : undefined
  try {
    const { batchBytes } = client
    const smallSyncMs = measureSync(folder, SMALL_SYNC)
    const batchSyncMs = measureSync(folder, { bytes: batchBytes, times: BATCH_SYNCS })
    const rounds: BenchRound[] = []
    for (let round = 1; round <= options.rounds; round++) {
      const say = (what: string) => tell(`round ${round} of ${options.rounds}: ${what}`)
      rounds.push(await runRound({ client, options, folder: `${folder}/round` }, servers, say))
    }
    const shared = servers && {
      postgresVersion: servers.postgres.version,
      redisVersion: servers.redisVersion,
      gaps: servers.gaps,
    }
    return { machine, options, batchBytes, smallSyncMs, batchSyncMs, shared, rounds }
  } finally {
    client.stop()
    await servers?.postgres.stop()
  }
}

function startShared(folder: string, tell: (progress: string) => void) {
  // PostgreSQL may run as another user, who has to reach its folder in this one.
  chmodSync(folder, 0o755)
  return openSharedServers(`${folder}/pg`, tell)
}

async function runRound(
  means: Means,
  servers: SharedServers | undefined,
  say: (what: string) => void,
): Promise<BenchRound> {
  say('(a) the provider’s sample')
  const sample = await runSample(means)
  say('(b) the receiver, acks')
  const receiver = await runReceiver(means)
  say('(c) the receiver, outcomes')
  const outcomes = await runOutcomes(means)
  const shared = servers && (await runSharedRound(means, servers, say))
  return { sample, receiver, outcomes, shared }
}

function runSample({ client, options, folder }: Means): Promise<AckFigures> {
  return withEmptyFolder(folder, async () => {
    const server = await startProviderSample(folder)
    try {
      return await measureAcks(client, server, options)
    } finally {
      await server.stop()
    }
  })
}

function runReceiver(means: Means): Promise<AckFigures> {
  return withReceiver(means, 'acks', async (receiver) => {
    const figures = await measureAcks(means.client, receiver, means.options)
    await checkJournal(receiver, figures.acked)
    return figures
  })
}

function runOutcomes(means: Means): Promise<OutcomeFigures> {
  const { client, options } = means
  return withReceiver(means, 'outcomes', (receiver) =>
    measureOutcomes(client, receiver, options.events),
  )
}

function withReceiver<Figures>(
  { options, folder }: Means,
  name: string,
  measure: (receiver: Awaited<ReturnType<typeof startReceiver>>) => Promise<Figures>,
): Promise<Figures> {
  return withEmptyFolder(folder, async () => {
    const nodeFlags = profileFlags(options.profileFolder, name)
    const receiver = await startReceiver({ entry: options.receiver, folder, nodeFlags })
    try {
      return await measure(receiver)
    } finally {
      await receiver.stop()
    }
  })
}
