import { createRequire } from 'node:module'
import { type AckFigures, checkJournal, measureAcks } from './ack-round.ts'
import { EVENTS_PER_BATCH } from './load/sample-batches.ts'
import { measureOutcomes, type OutcomeFigures, type OutcomeTarget } from './outcome-round.ts'
import type { Means } from './round-means.ts'
import { withEmptyFolder } from './round-means.ts'
import { type JobLibrary, startJobReceiver } from './servers/jobs/start-job-receiver.ts'
import { readRedisVersion, startRedis } from './servers/jobs/start-redis.ts'
import { profileFlags } from './servers/profile-flags.ts'
import { type PostgresServer, startPostgres } from './servers/start-postgres.ts'
import { startReceiver } from './servers/start-receiver.ts'

/** What a receiver did on a store that replicas can share. */
export interface SharedFigures {
  readonly acks: AckFigures
  readonly outcomes: OutcomeFigures
}

export interface SharedRound {
  readonly receiver: SharedFigures
  readonly pgBoss: SharedFigures
  /** Undefined where there is no Redis. */
  readonly bullmq: SharedFigures | undefined
}

/** The servers behind the rounds. */
export interface SharedServers {
  readonly postgres: PostgresServer
  readonly redisVersion: string | undefined
  /** What cannot be measured here, and why. */
  readonly gaps: readonly string[]
}

/** Undefined, and a reason, where there is no PostgreSQL. */
export async function openSharedServers(
  folder: string,
  tell: (progress: string) => void,
): Promise<SharedServers | undefined> {
  const postgres = await startPostgres(folder)
  if (!postgres) {
    tell('no PostgreSQL found (initdb is not on the PATH): nothing is measured on it')
    return undefined
  }
  const redisVersion = hasRedisClient() ? readRedisVersion() : undefined
  const gaps: string[] = []
  if (!hasRedisClient()) gaps.push('BullMQ is not measured: its client, ioredis, is not installed.')
  else if (!redisVersion) gaps.push('BullMQ is not measured: no redis-server is on the PATH.')
  for (const gap of gaps) tell(gap)
  return { postgres, redisVersion, gaps }
}

function hasRedisClient(): boolean {
  try {
    createRequire(import.meta.url).resolve('ioredis')
    return true
  } catch {
    return false
  }
}

export async function runSharedRound(
  means: Means,
  { postgres, redisVersion }: SharedServers,
  say: (what: string) => void,
): Promise<SharedRound> {
  say('the receiver on PostgreSQL')
  const receiver = await measureReceiver(means, postgres)
  say('pg-boss on PostgreSQL')
  const renew = async () => ({ jobsUrl: await postgres.renewDatabase(), stop: () => {} })
  const pgBoss = await measureLibrary('pg-boss', means, renew)
  if (!redisVersion) return { receiver, pgBoss, bullmq: undefined }
  say('BullMQ on Redis')
  const bullmq = await measureLibrary('bullmq', means, async () => {
    const redis = await startRedis(`${means.folder}/redis`)
    return { jobsUrl: redis.url, stop: redis.stop }
  })
  return { receiver, pgBoss, bullmq }
}

async function measureReceiver(means: Means, postgres: PostgresServer): Promise<SharedFigures> {
  const { client, options } = means
  const withOne = <Figures>(
    name: string,
    measure: (receiver: Awaited<ReturnType<typeof startReceiver>>) => Promise<Figures>,
  ) =>
    withEmptyFolder(means.folder, async (folder) => {
      const storeUrl = await postgres.renewDatabase()
      const nodeFlags = profileFlags(options.profileFolder, name)
      const receiver = await startReceiver({ entry: options.receiver, folder, storeUrl, nodeFlags })
      return await stopping(receiver, measure)
    })
  return {
    acks: await withOne('postgres-acks', async (receiver) => {
      const figures = await measureAcks(client, receiver, options)
      await checkJournal(receiver, figures.acked)
      return figures
    }),
    outcomes: await withOne('postgres-outcomes', (receiver) =>
      measureOutcomes(client, receiver, options.sharedEvents),
    ),
  }
}

/** A store for a library's jobs, empty. */
type OpenJobs = () => Promise<{ jobsUrl: string; stop: () => void | Promise<void> }>

async function measureLibrary(
  library: JobLibrary,
  means: Means,
  openJobs: OpenJobs,
): Promise<SharedFigures> {
  const { client, options } = means
  const withOne = <Figures>(
    measure: (receiver: Awaited<ReturnType<typeof startJobReceiver>>) => Promise<Figures>,
  ) =>
    withEmptyFolder(means.folder, async (folder) => {
      const { jobsUrl, stop } = await openJobs()
      try {
        return await stopping(await startJobReceiver(library, { jobsUrl, folder }), measure)
      } finally {
        await stop()
      }
    })
  return {
    acks: await withOne(async (receiver) => {
      const figures = await measureAcks(client, receiver, options)
      const kept = await receiver.countKept()
      if (kept === figures.acked * EVENTS_PER_BATCH) return figures
      throw new Error(`${library}: ${figures.acked} batches were acknowledged, ${kept} jobs kept.`)
    }),
    outcomes: await withOne((receiver) => measureOutcomes(client, receiver, options.sharedEvents)),
  }
}

async function stopping<Server extends OutcomeTarget, Figures>(
  server: Server,
  measure: (server: Server) => Promise<Figures>,
): Promise<Figures> {
  try {
    return await measure(server)
  } finally {
    await server.stop()
  }
}
