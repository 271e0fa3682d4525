import { Client } from 'pg'
import type { OwnServer } from '../store/postgres/own-server.ts'
import type { DatabaseProxy, NetworkFault } from './database-proxy.ts'

/** A database, the way to it, and who uses it. */
export interface Place {
  readonly server: OwnServer
  /** Of the database, for its server's owner and without the proxy. */
  readonly url: string
  readonly proxy: DatabaseProxy
  /** The role of the receiver. */
  readonly role: string
}

export interface Outage {
  readonly title: string
  /** Commits that were not waited for are gone: what they recorded is done again. */
  readonly losesNewest?: boolean
  /** Of all that use the server. */
  readonly isOfServer?: boolean
  /** Much like another one; for runs that may take long. */
  readonly isLike?: string
  /** Answers how to end it. */
  begin(place: Place): Promise<() => unknown>
}

const OF_THE_NETWORK: Record<NetworkFault, string> = {
  cut: 'behind a network that resets every connection',
  silent: 'behind a network that swallows everything',
  slow: 'behind a network that is too slow',
  'silent at COMMIT': 'whose replies to COMMIT never come',
  'cut at COMMIT': 'whose connections end instead of a reply to COMMIT',
}

function disturb(fault: NetworkFault, isLike?: NetworkFault): Outage {
  return {
    title: OF_THE_NETWORK[fault],
    ...(isLike && { isLike: OF_THE_NETWORK[isLike] }),
    async begin({ proxy }) {
      proxy.disturb(fault)
      return proxy.mend
    },
  }
}

/** A transaction that holds these tables until it is ended. */
async function lock(url: string, tables: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const begin = () =>
    client.query(
      `BEGIN; SET LOCAL search_path = mailtrap_receiver; LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE`,
    )
  // A transaction of the receiver may want the same tables in another order: one of the two has to give up.
  while (!(await begin().then(() => true, passOverDeadlock))) await client.query('ROLLBACK')
  return () => client.end()
}

function passOverDeadlock(error: unknown): false {
  if ((error as { code?: string }).code !== '40P01') throw error
  return false
}

/** No batch reaches PostgreSQL as long as they last. */
export const OUTAGES: readonly Outage[] = [
  {
    title: 'that is stopped at once',
    losesNewest: true,
    isOfServer: true,
    async begin({ server }) {
      await server.stopAtOnce()
      return server.start
    },
  },
  {
    title: 'whose processes stand still',
    isOfServer: true,
    async begin({ server }) {
      await server.freeze()
      return server.thaw
    },
  },
  disturb('cut', 'cut at COMMIT'),
  disturb('silent', 'silent at COMMIT'),
  disturb('slow', 'silent at COMMIT'),
  disturb('silent at COMMIT'),
  disturb('cut at COMMIT'),
  {
    title: 'all of whose tables are locked',
    begin: ({ url }) =>
      lock(url, 'batches, bodies, keys, events, runs, jobs, quarantine, handlers, counters'),
  },
  {
    title: 'with no connection left for the receiver',
    isLike: 'that is stopped at once',
    async begin({ server, url, role }) {
      await server.execute(url, `ALTER ROLE ${role} CONNECTION LIMIT 0`)
      await server.execute(
        url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`,
      )
      return () => server.execute(url, `ALTER ROLE ${role} CONNECTION LIMIT -1`)
    },
  },
]

/** Every connection but those for acknowledgements waits. */
export const lockJobs = ({ url }: Place): Promise<() => Promise<void>> => lock(url, 'jobs, runs')
