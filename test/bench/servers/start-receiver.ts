import { fileURLToPath } from 'node:url'
import packageJson from '../../../package.json' with { type: 'json' }
import type { StatsJson } from '../../../src/admin/json/stats-json.ts'
import { SIGNING_SECRET } from '../load/sample-batches.ts'
import type { OutcomeTarget } from '../outcome-round.ts'
import { findFreePort, startServer } from './server-process.ts'

export interface Receiver extends OutcomeTarget {
  stats(): Promise<StatsJson>
}

/** Where the receiver is, and where it may write. */
export interface ReceiverPlace {
  /** `dist/main.js`, or `src/main.ts`. */
  readonly entry: string
  /** An empty folder. */
  readonly folder: string
  /** Default: SQLite in that folder. */
  readonly storeUrl?: string | undefined
  /** Flags for its Node, to profile it. */
  readonly nodeFlags?: readonly string[]
}

/** Those of `npm start` and of the image. */
const FLAGS_OF_START = packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--'))

/** The real receiver with its default settings, one no-op handler and an empty store. */
export async function startReceiver({
  entry,
  folder,
  storeUrl,
  nodeFlags,
}: ReceiverPlace): Promise<Receiver> {
  const [port, adminPort] = [await findFreePort(), await findFreePort()]
  const loader = entry.endsWith('.ts') ? ['--import', 'tsx'] : []
  const server = await startServer({
    args: [...FLAGS_OF_START, ...(nodeFlags ?? []), ...loader, entry, 'serve'],
    env: {
      MAILTRAP_SIGNING_SECRET: SIGNING_SECRET,
      HANDLERS: fileURLToPath(new URL('./noop-handler.mjs', import.meta.url)),
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
  async function stats(): Promise<StatsJson> {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/api/stats`)
    if (!answer.ok) throw new Error(`/api/stats answered ${answer.status}.`)
    return (await answer.json()) as StatsJson
  }
  return {
    ...server,
    port,
    stats,
    countDone: async () => (await stats()).events.by_state.done,
    checkOutcomes: async (expected) => checkStats(await stats(), expected),
  }
}

function checkStats(stats: StatsJson, events: number): void {
  const { batches, events: stored, jobs, duplicates, quarantined } = stats
  const found = {
    stored: stored.total,
    done: stored.by_state.done,
    jobsDone: jobs.noop?.done ?? 0,
    waiting: batches.waiting,
    duplicates,
    quarantined,
  }
  const expected = {
    stored: events,
    done: events,
    jobsDone: events,
    waiting: 0,
    duplicates: 0,
    quarantined: 0,
  }
  if (JSON.stringify(found) === JSON.stringify(expected)) return
  throw new Error(`Of ${events} events came: ${JSON.stringify(found)}.`)
}
