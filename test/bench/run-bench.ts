import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { BenchOptions } from './bench-options.ts'
import type { Percentiles } from './load/percentiles.ts'
import { type LoadClient, startLoadClient } from './load/start-load-client.ts'
import { describeMachine, type MachineFacts } from './machine/describe-machine.ts'
import { measureSync } from './machine/disk-sync.ts'
import { readFolderBytes } from './machine/folder-bytes.ts'
import { type BacklogFigures, runBacklog } from './rounds/backlog-round.ts'
import { type LargeRound, runLarge } from './rounds/large-round.ts'
import type { AckFigures } from './rounds/measure-acks.ts'
import {
  describeReceiver,
  type MeasuredReceiver,
  type ReceiverRound,
  runReceiverParts,
  runSample,
} from './rounds/receiver-parts.ts'
import { attempt, type Means } from './rounds/round-means.ts'
import {
  openSharedServers,
  runShared,
  type SharedRound,
  type SharedServers,
} from './rounds/shared-round.ts'
import { seedStore } from './servers/seed-store.ts'

const SMALL_SYNC = { bytes: 4_096, times: 200 }
const BATCH_SYNCS = 100
const WAIT_MS = 100
const MOST_WAITS = 100

export interface BenchFigures {
  readonly machine: MachineFacts
  readonly options: BenchOptions
  readonly receivers: readonly MeasuredReceiver[]
  readonly batchBytes: number
  /** The servers behind `shared`; undefined: none, or not asked for. */
  readonly shared:
    | (Omit<SharedServers, 'postgres'> & { readonly postgresVersion: string })
    | undefined
  /** What the large store takes on the disk before anything is added. */
  readonly seededBytesPerEvent: number | undefined
  readonly rounds: readonly BenchRound[]
  /** What could not be measured, and why. */
  readonly problems: readonly string[]
}

export interface BenchRound {
  /** How long the disk takes to keep 4 KB, and to keep a batch; milliseconds. */
  readonly disk: { readonly smallMs: Percentiles; readonly batchMs: Percentiles }
  /** The provider's sample, which stores nothing. */
  readonly sample: AckFigures | undefined
  /** By the receiver's name. */
  readonly receivers: Readonly<Record<string, ReceiverRound>>
  readonly shared: SharedRound | undefined
  readonly large: LargeRound | undefined
  readonly backlog: BacklogFigures | undefined
}

/** What all rounds share. */
interface Run {
  readonly means: Means
  readonly receivers: readonly MeasuredReceiver[]
  readonly batchBytes: number
  readonly servers: SharedServers | undefined
  readonly seeded: string | undefined
}

/** Everything, in turns, so that whatever else the machine does meets all of them alike. */
export async function runBench(
  options: BenchOptions,
  parts: { folder: string; tell: (progress: string) => void },
): Promise<BenchFigures> {
  const { folder, tell } = parts
  mkdirSync(folder, { recursive: true })
  const machine = await describeMachine(folder)
  tell(`rendering ${options.fullBatches} signed batches`)
  const client = await startLoadClient(options.fullBatches)
  const problems: string[] = []
  let prefix = ''
  const means: Means = {
    client,
    options,
    folder: `${folder}/round`,
    say: (what) => tell(`${prefix}${what}`),
    fail(what, error) {
      problems.push(`${prefix}${what}: ${(error as Error).message}`)
      tell(`  not measured: ${(error as Error).message}`)
    },
  }
  let servers: SharedServers | undefined
  try {
    const batchBytes = await renderShapes(client, options)
    const receivers: MeasuredReceiver[] = []
    for (const one of options.receivers) receivers.push(await describeReceiver(means, one))
    servers = await startShared(options, folder, tell)
    const seeded = await seed(options, folder, tell)
    const seededBytesPerEvent = seeded && readFolderBytes(seeded) / options.largeEvents
    const run = { means, receivers, batchBytes, servers, seeded }
    const rounds: BenchRound[] = []
    for (let round = 1; round <= options.rounds; round++) {
      prefix = `round ${round} of ${options.rounds}: `
      // Nobody is always first, or always after the same one.
      rounds.push(await runRound({ ...run, receivers: turn(receivers, round - 1) }))
    }
    return {
      machine,
      options,
      receivers,
      batchBytes,
      shared: servers && describeServers(servers),
      seededBytesPerEvent: seededBytesPerEvent || undefined,
      rounds,
      problems,
    }
  } finally {
    client.stop()
    await servers?.postgres.stop()
  }
}

async function renderShapes(client: LoadClient, options: BenchOptions): Promise<number> {
  const { parts, smallBatches, events, fullBatches } = options
  const batchBytes = await client.render('full', fullBatches)
  if (parts.includes('d')) {
    await client.render('singles', smallBatches)
    await client.render('tens', smallBatches)
  }
  if (parts.includes('lines')) await client.render('lines', events / 500)
  return batchBytes
}

async function startShared(options: BenchOptions, folder: string, tell: (text: string) => void) {
  if (!options.parts.includes('shared') || options.sharedEvents === 0) return undefined
  // PostgreSQL may run as another user, who has to reach its folder in this one.
  chmodSync(folder, 0o755)
  return openSharedServers(`${folder}/pg`, options.peersFolder, tell)
}

function describeServers({ postgres, ...others }: SharedServers) {
  return { ...others, postgresVersion: postgres.version }
}

async function seed(options: BenchOptions, folder: string, tell: (text: string) => void) {
  if (!options.parts.includes('large')) return undefined
  mkdirSync(`${folder}/large/data`, { recursive: true })
  const file = `${folder}/large/data/receiver.db`
  await seedStore(file, options.largeEvents, tell)
  // The thread that checkpoints is the last to close it, somewhat later.
  for (let waits = 0; existsSync(`${file}-wal`) && waits < MOST_WAITS; waits++) await pause(WAIT_MS)
  return `${folder}/large`
}

function turn<One>(all: readonly One[], by: number): One[] {
  const at = by % all.length
  return [...all.slice(at), ...all.slice(0, at)]
}

async function runRound({ means, receivers, batchBytes, servers, seeded }: Run) {
  const { folder, options } = means
  const { parts } = options
  mkdirSync(folder, { recursive: true })
  const disk = {
    smallMs: measureSync(folder, SMALL_SYNC),
    batchMs: measureSync(folder, { bytes: batchBytes, times: BATCH_SYNCS }),
  }
  // The load at a fifth is a fifth of the sample's.
  const wantsSample = parts.includes('a') || parts.includes('calm')
  const sample = wantsSample
    ? await attempt(means, 'the provider’s sample', () => runSample(means))
    : undefined
  const figures = await runReceiverParts(means, receivers, sample)
  const shared = servers && (await runShared(means, receivers, servers))
  const large =
    seeded === undefined
      ? undefined
      : await attempt(means, 'a large store', () => runLarge(means, seeded))
  const backlog = parts.includes('backlog')
    ? await attempt(means, 'a backlog', () => runBacklog(means))
    : undefined
  return { disk, sample, receivers: figures, shared, large, backlog }
}
