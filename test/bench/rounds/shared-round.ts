import { EVENTS_PER_BATCH } from '../load/sample-batches.ts'
import { JOB_LIBRARIES, type JobLibrary, readPeerVersions } from '../servers/jobs/job-libraries.ts'
import { startJobReceiver } from '../servers/jobs/start-job-receiver.ts'
import { readRedisVersion, startRedis } from '../servers/jobs/start-redis.ts'
import { type PostgresServer, startPostgres } from '../servers/start-postgres.ts'
import { type AckFigures, checkJournal, measureAcks } from './measure-acks.ts'
import { measureOutcomes, type OutcomeFigures } from './measure-outcomes.ts'
import type { MeasuredReceiver } from './receiver-parts.ts'
import { attempt, type Means, stopping, withEmptyFolder, withReceiver } from './round-means.ts'

/** What a receiver did on a store that replicas can share. */
export interface SharedFigures {
  readonly acks: AckFigures
  readonly outcomes: OutcomeFigures
}

/** By name: the receivers on PostgreSQL, and receivers written on a job library. */
export interface SharedRound {
  readonly receivers: Readonly<Record<string, SharedFigures>>
  readonly libraries: Readonly<Partial<Record<JobLibrary, SharedFigures>>>
}

/** The servers behind the rounds. */
export interface SharedServers {
  readonly postgres: PostgresServer
  readonly redisVersion: string | undefined
  readonly libraries: Readonly<Partial<Record<JobLibrary, string>>>
  /** What cannot be measured here, and why. */
  readonly gaps: readonly string[]
}

/** Undefined, and a reason, where there is no PostgreSQL. */
export async function openSharedServers(
  folder: string,
  peersFolder: string | undefined,
  tell: (progress: string) => void,
): Promise<SharedServers | undefined> {
  const postgres = await startPostgres(folder)
  if (!postgres) {
    tell('no PostgreSQL found (initdb is not on the PATH): nothing is measured on it')
    return undefined
  }
  const redisVersion = readRedisVersion()
  const { versions, gaps } = readPeerVersions(peersFolder)
  const libraries = { ...versions }
  if (libraries.bullmq && !redisVersion) {
    delete libraries.bullmq
    gaps.push('BullMQ is not measured: no redis-server is on the PATH.')
  }
  for (const gap of gaps) tell(gap)
  return { postgres, redisVersion, libraries, gaps }
}

export async function runShared(
  means: Means,
  receivers: readonly MeasuredReceiver[],
  servers: SharedServers,
): Promise<SharedRound> {
  const { postgres, libraries } = servers
  const measuredReceivers: Record<string, SharedFigures> = {}
  for (const receiver of receivers.filter(({ isSketch }) => !isSketch)) {
    const figures = await attempt(means, `${receiver.name}: on PostgreSQL`, () =>
      measureReceiver(means, receiver, postgres),
    )
    if (figures) measuredReceivers[receiver.name] = figures
  }
  const measuredLibraries: Partial<Record<JobLibrary, SharedFigures>> = {}
  for (const library of JOB_LIBRARIES.filter((name) => libraries[name] !== undefined)) {
    const figures = await attempt(means, `${library}: the same`, () =>
      measureLibrary(library, means, () => openJobs(library, means, postgres)),
    )
    if (figures) measuredLibraries[library] = figures
  }
  return { receivers: measuredReceivers, libraries: measuredLibraries }
}

async function measureReceiver(
  means: Means,
  receiver: MeasuredReceiver,
  postgres: PostgresServer,
): Promise<SharedFigures> {
  const { client } = means
  const storeUrl = await postgres.renewDatabase()
  const acks = await withReceiver(
    means,
    { receiver, part: 'postgres-acks', storeUrl },
    async (server) => {
      const figures = await measureAcks(client, server, ackLoad(means))
      await checkJournal(server, figures.acked)
      return figures
    },
  )
  const emptyUrl = await postgres.renewDatabase()
  const outcomes = await withReceiver(
    means,
    { receiver, part: 'postgres-outcomes', storeUrl: emptyUrl },
    (server) => measureOutcomes(client, server, outcomeLoad(means)),
  )
  return { acks, outcomes }
}

/** A store for a library's jobs, empty. */
type Jobs = { readonly jobsUrl: string; stop(): Promise<void> }

async function openJobs(
  library: JobLibrary,
  means: Means,
  postgres: PostgresServer,
): Promise<Jobs> {
  if (library !== 'bullmq') return { jobsUrl: await postgres.renewDatabase(), stop: async () => {} }
  const redis = await startRedis(`${means.folder}/redis`)
  return { jobsUrl: redis.url, stop: redis.stop }
}

async function measureLibrary(
  library: JobLibrary,
  means: Means,
  open: () => Promise<Jobs>,
): Promise<SharedFigures> {
  const { client, options } = means
  const withOne = <Figures>(
    measure: (receiver: Awaited<ReturnType<typeof startJobReceiver>>) => Promise<Figures>,
  ) =>
    withEmptyFolder(means.folder, async (folder) => {
      const { jobsUrl, stop } = await open()
      try {
        const { peersFolder } = options
        const receiver = await startJobReceiver(library, { jobsUrl, folder, peersFolder })
        return await stopping(receiver, measure)
      } finally {
        await stop()
      }
    })
  const acks = await withOne(async (receiver) => {
    const figures = await measureAcks(client, receiver, ackLoad(means))
    const kept = await receiver.countKept()
    if (kept === figures.acked * EVENTS_PER_BATCH) return figures
    throw new Error(`${library}: ${figures.acked} batches were acknowledged, ${kept} jobs kept.`)
  })
  const outcomes = await withOne((receiver) =>
    measureOutcomes(client, receiver, outcomeLoad(means)),
  )
  return { acks, outcomes }
}

function ackLoad({ options: { warmUpMs, measureMs, fullBatches: batches } }: Means) {
  return { batches, warmUpMs, measureMs }
}

function outcomeLoad({ options }: Means) {
  return { batches: options.sharedEvents / EVENTS_PER_BATCH }
}
