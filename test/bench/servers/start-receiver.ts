import { mkdirSync, writeFileSync } from 'node:fs'
import packageJson from '../../../package.json' with { type: 'json' }
import type { StatsJson } from '../../../src/admin/api/stats-schema.ts'
import { findFreePort } from '../../receive/find-free-port.ts'
import { SIGNING_SECRET } from '../load/sample-batches.ts'
import type { OutcomeTarget } from '../rounds/measure-outcomes.ts'
import { startServer } from './server-process.ts'

/** What a sketch of a receiver leaves out may be missing in its figures. */
export type KnownStats = Pick<StatsJson, 'events' | 'duplicates' | 'quarantined' | 'jobs'> & {
  readonly version?: string
  readonly batches: { received: number; waiting: number; refused_by_reason?: unknown }
}

export interface Receiver extends OutcomeTarget {
  stats(): Promise<KnownStats>
  /** Batches that it has received since it was started. */
  countReceived(): Promise<number>
  /** Whether its handlers are paused from now on. */
  setPaused(isPaused: boolean): Promise<void>
}

/** Where the receiver is, and where it may write. */
export interface ReceiverPlace {
  /** `dist/main.js`, or `src/main.ts`. */
  readonly entry: string
  /** A folder, empty but for a store in `data` if there is one. */
  readonly folder: string
  /** Default: SQLite in that folder. */
  readonly storeUrl?: string | undefined
  /** How many handlers do nothing with every event; default 1. */
  readonly handlers?: number | undefined
  /** Flags for its Node, to profile it. */
  readonly nodeFlags?: readonly string[]
}

/** Those of `npm start` and of the image. */
const FLAGS_OF_START = packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--'))

/** The real receiver with its default settings, and handlers that do nothing. */
export async function startReceiver(place: ReceiverPlace): Promise<Receiver> {
  const { entry, folder, storeUrl, nodeFlags } = place
  const [port, adminPort] = [await findFreePort(), await findFreePort()]
  const loader = entry.endsWith('.ts') ? ['--import', 'tsx'] : []
  const handlers = writeHandlers(place)
  const server = await startServer({
    args: [...FLAGS_OF_START, ...(nodeFlags ?? []), ...loader, entry, 'serve'],
    env: {
      MAILTRAP_SIGNING_SECRET: SIGNING_SECRET,
      HANDLERS: handlers.map((name) => `${folder}/handlers/${name}.mjs`).join(','),
      DATA_DIR: `${folder}/data`,
      ...(storeUrl && { STORE_URL: storeUrl }),
      HOST: '127.0.0.1',
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
    },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
    readyStatus: 200,
    logFile: `${folder}/receiver.log`,
  })
  const admin = `http://127.0.0.1:${adminPort}/api`
  const stats = async () => (await ask(`${admin}/stats`)) as KnownStats
  const before = await stats()
  const countAll = async () => countStats(await stats(), before, handlers)
  return {
    ...server,
    port,
    stats,
    countReceived: async () => (await countAll()).received,
    countDone: async () => (await countAll()).outcomes.done,
    async checkOutcomes(events) {
      const found = (await countAll()).outcomes
      const jobs = Object.fromEntries(handlers.map((name) => [name, events]))
      const rest = { waiting: 0, duplicates: 0, quarantined: 0 }
      const expected = { stored: events, done: events, jobs, ...rest }
      if (JSON.stringify(found) === JSON.stringify(expected)) return
      throw new Error(`Of ${events} events came: ${JSON.stringify(found)}.`)
    },
    async setPaused(isPaused) {
      for (const name of handlers) {
        await ask(`${admin}/handlers/${name}/${isPaused ? 'pause' : 'resume'}`, 'POST')
      }
    },
  }
}

/** What defines a handler they get from the receiver that runs them, whichever build it is. */
function writeHandlers({ folder, handlers = 1 }: ReceiverPlace): string[] {
  const names = Array.from({ length: handlers }, (_, n) => (n === 0 ? 'noop' : `noop-${n + 1}`))
  mkdirSync(`${folder}/handlers`, { recursive: true })
  for (const name of names) {
    const module = `import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({ name: '${name}', on: { '*': async () => {} } })\n`
    writeFileSync(`${folder}/handlers/${name}.mjs`, module)
  }
  return names
}

async function ask(url: string, method = 'GET'): Promise<unknown> {
  const answer = await fetch(url, { method })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}

/** What came since `before`. */
function countStats(now: KnownStats, before: KnownStats, handlers: readonly string[]) {
  const since = (read: (stats: KnownStats) => number | undefined) =>
    (read(now) ?? 0) - (read(before) ?? 0)
  const jobs = handlers.map((name) => [name, since((stats) => stats.jobs[name]?.done)])
  return {
    received: since(({ batches }) => batches.received),
    outcomes: {
      stored: since(({ events }) => events.total),
      done: since(({ events }) => events.by_state.done),
      jobs: Object.fromEntries(jobs) as Record<string, number>,
      waiting: now.batches.waiting,
      duplicates: since((stats) => stats.duplicates),
      quarantined: since((stats) => stats.quarantined),
    },
  }
}
