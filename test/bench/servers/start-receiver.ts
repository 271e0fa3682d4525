import { fileURLToPath } from 'node:url'
import packageJson from '../../../package.json' with { type: 'json' }
import type { StatsJson } from '../../../src/admin/json/stats-json.ts'
import { SIGNING_SECRET } from '../load/sample-batches.ts'
import { findFreePort, type ServerProcess, startServer } from './server-process.ts'

export interface Receiver extends ServerProcess {
  readonly port: number
  stats(): Promise<StatsJson>
}

/** Where the receiver is, and where it may write. */
export interface ReceiverPlace {
  /** `dist/main.js`, or `src/main.ts`. */
  readonly entry: string
  /** An empty folder. */
  readonly folder: string
  /** Flags for its Node, to profile it. */
  readonly nodeFlags?: readonly string[]
}

/** Those of `npm start` and of the image. */
const FLAGS_OF_START = packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--'))

/** The real receiver with its default settings, one no-op handler and an empty store. */
export async function startReceiver({
  entry,
  folder,
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
      HOST: '127.0.0.1',
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
    },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
    readyStatus: 200,
    logFile: `${folder}/receiver.log`,
  })
  return {
    ...server,
    port,
    async stats() {
      const answer = await fetch(`http://127.0.0.1:${adminPort}/api/stats`)
      if (!answer.ok) throw new Error(`/api/stats answered ${answer.status}.`)
      return (await answer.json()) as StatsJson
    },
  }
}
