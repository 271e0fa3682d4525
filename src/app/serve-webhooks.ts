import { readFileSync } from 'node:fs'
import { PROVIDERS } from '../providers/providers.ts'
import { readTlsPair, type TlsPaths } from '../receive/create-fastify.ts'
import {
  createPublicServer,
  type PublicServer,
  type Readiness,
} from '../receive/create-public-server.ts'
import { DEFAULT_HTTP_LIMITS } from '../receive/limits.ts'
import type { Journal } from '../store/store.ts'
import { type Composition, explainListening, follow, newBatchId } from './running-app.ts'

/** One that only works has no sources: its listener answers for its health. */
export async function serveWebhooks(
  composition: Composition,
  { journal, readiness }: { readonly journal: Journal; readonly readiness: () => Readiness },
): Promise<{ readonly server: PublicServer; readonly url: string }> {
  const { settings, receives, observer, closers, reloaders, now } = composition
  const findSources = ({ sources }: typeof settings) =>
    new Map((receives ? sources : []).map((source) => [source.name, source]))
  const tls = settings.tls && readTlsPair(settings.tls)
  const server = createPublicServer({
    sources: follow(composition, findSources),
    providers: PROVIDERS,
    journal,
    observer,
    now,
    elapsedMs: () => performance.now(),
    newBatchId: () => newBatchId(now()),
    readiness,
    settings: {
      ...settings,
      tls,
      limits: { keepAliveTimeoutMs: settings.keepAliveMs, connections: countConnections() },
    },
  })
  closers.add('webhook listener', ({ requestsMs }) => server.close(requestsMs))
  reloaders.push((fresh) => {
    if (!tls !== !fresh.tls) return ['HTTPS cannot begin or end without a restart.']
    return fresh.tls ? followTls(server, fresh.tls) : []
  })
  const { url } = await server.listen().catch((error: unknown) => {
    throw explainListening(error, { ...settings, names: { host: 'HOST', port: 'PORT' } })
  })
  return { server, url }
}

/** For the store, the handlers' processes, the admin listener, and connections that are being refused. */
const OTHER_DESCRIPTORS = 450
const FEWEST_CONNECTIONS = 16

/**
 * As many as this process may open descriptors for. Idle connections give way to new ones when there are too
 * many; without descriptors nobody could be accepted, and they would stay. Where Linux does not tell, the usual.
 */
function countConnections(): number {
  const { connections } = DEFAULT_HTTP_LIMITS
  const openFiles = Number(/^Max open files +(\d+)/m.exec(readLimits())?.[1])
  if (!(openFiles < connections + OTHER_DESCRIPTORS)) return connections
  return Math.max(FEWEST_CONNECTIONS, openFiles - OTHER_DESCRIPTORS)
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** The files may have changed since they were looked at. */
function followTls(server: PublicServer, paths: TlsPaths): string[] {
  try {
    server.reloadTls(readTlsPair(paths))
    return []
  } catch (error) {
    return [`TLS_CERT_FILE, TLS_KEY_FILE: ${error instanceof Error ? error.message : error}`]
  }
}
