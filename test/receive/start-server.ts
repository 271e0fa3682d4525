import { randomUUID } from 'node:crypto'
import type { Batch, Source } from '../../src/model.ts'
import type { Observer } from '../../src/observe/observer.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import {
  createPublicServer,
  type PublicServer,
  type PublicServerSettings,
} from '../../src/receive/create-public-server.ts'
import type { Journal } from '../../src/store/store.ts'
import { onTestFinished } from '../on-test-finished.ts'

type Refused = Parameters<Observer['requestRefused']>[0]
type Received = Parameters<Observer['batchReceived']>[0]

export const SECRET = '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e'

/** A source without any check but the signature. */
export function source(changes: Partial<Source> = {}): Source {
  return {
    name: 'mailtrap',
    provider: 'mailtrap',
    secrets: [SECRET],
    allowIps: [],
    basicAuth: undefined,
    urlToken: undefined,
    toleranceSeconds: 300,
    secretForm: 'raw',
    ...changes,
  }
}

export interface TestServer extends PublicServer {
  readonly url: string
  readonly port: number
  readonly batches: readonly Batch[]
  readonly refused: readonly Refused[]
  readonly received: readonly Received[]
  setSources(sources: readonly Source[]): void
}

export interface TestOptions {
  sources?: readonly Source[]
  append?: Journal['append']
  now?: () => number
  readiness?: () => { ready: boolean; checks: Record<string, string> }
  newBatchId?: () => string
  settings?: Partial<PublicServerSettings>
}

/** A listening server that keeps what it was told and closes itself after the test. */
export async function startServer(options: TestOptions = {}): Promise<TestServer> {
  const batches: Batch[] = []
  const refused: Refused[] = []
  const received: Received[] = []
  let sources = toMap(options.sources ?? [source()])
  const keep = async (batch: Batch) => {
    batches.push(batch)
  }
  const server = createPublicServer({
    sources: () => sources,
    providers: PROVIDERS,
    journal: { append: options.append ?? keep },
    observer: {
      requestRefused: (fact: Refused) => refused.push(fact),
      batchReceived: (fact: Received) => received.push(fact),
    } as unknown as Observer,
    now: options.now ?? Date.now,
    elapsedMs: () => performance.now(),
    newBatchId: options.newBatchId ?? randomUUID,
    readiness: options.readiness ?? (() => ({ ready: true, checks: {} })),
    settings: {
      host: '127.0.0.1',
      port: 0,
      trustProxy: [],
      bodyLimitBytes: 10 * 1024 * 1024,
      ...options.settings,
    },
  })
  onTestFinished(() => server.close(0))
  const address = await server.listen()
  const setSources = (changed: readonly Source[]) => {
    sources = toMap(changed)
  }
  return { ...server, ...address, batches, refused, received, setSources }
}

function toMap(sources: readonly Source[]): ReadonlyMap<string, Source> {
  return new Map(sources.map((entry) => [entry.name, entry]))
}

/** Headers of a Mailtrap request with this body. */
export function signed(body: string | Uint8Array, secret = SECRET): Record<string, string> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return PROVIDERS.mailtrap.sign(bytes, { secrets: [secret], secretForm: 'raw' }, 0)
}
