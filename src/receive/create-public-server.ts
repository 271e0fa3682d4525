import { once } from 'node:events'
import type { Server as TlsServer } from 'node:https'
import { type AddressInfo, createServer, isIP } from 'node:net'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { reachableName } from '../address.ts'
import { createConnectionRoom } from '../connection-room.ts'
import { createFastify, type ListenerSettings, type TlsPair } from './create-fastify.ts'
import { isAmbiguous } from './framing.ts'
import { createBodyRoom, DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts'
import { createRefusals, Refusal, refuseUnrouted, toRefusal } from './refuse.ts'
import { addWebhookRoute, type WebhookParts } from './webhook-route.ts'

export interface Readiness {
  readonly ready: boolean
  /** What was checked, and how it is. */
  readonly checks: Readonly<Record<string, string>>
}

interface PublicServerParts extends WebhookParts {
  readonly readiness: () => Readiness
  readonly settings: PublicServerSettings
}

export interface PublicServerSettings extends ListenerSettings {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly limits?: Partial<HttpLimits> | undefined
}

/** The public listener: webhooks and health, nothing else. */
export interface PublicServer {
  readonly app: FastifyInstance
  /** Rejects when the address cannot be had. */
  listen(): Promise<{ url: string; port: number }>
  /** From now on every answer ends its connection, so that clients move to another replica. */
  refuseKeepAlive(): void
  /** Stops accepting, lets requests in flight finish, and ends after `graceMs` what is left. */
  close(graceMs: number): Promise<void>
  /** New connections get this certificate. Throws, and keeps the old one, when it is none. */
  reloadTls(tls: TlsPair): void
}

export function createPublicServer(parts: PublicServerParts): PublicServer {
  const { settings, sources, observer } = parts
  const limits = { ...DEFAULT_HTTP_LIMITS, ...settings.limits }
  const { refuse, refuseConnection } = createRefusals({ sources, observer, limits })
  const app = createFastify(settings, { limits, refuse, refuseConnection })
  const connectionRoom = createConnectionRoom(app.server, limits.connections)
  const { bodyLimitBytes } = settings
  const bodyRoom = createBodyRoom({ ...limits, bodyLimitBytes, elapsedMs: parts.elapsedMs })
  const route = { ...parts, bodyLimitBytes, limits, refuse, bodyRoom, connectionRoom }
  let refusesKeepAlive = false
  let closeBeside = async () => {}

  app.addHook('onRequest', (request, _reply, done) => {
    if (isAmbiguous(request.raw)) throw new Refusal('malformed')
    // Not in the not-found handler, which runs after the body was read.
    if (request.is404) throw refuseUnrouted(request, sources())
    done()
  })
  app.addHook('onSend', (_request, reply, text, done) => {
    if (refusesKeepAlive) reply.header('connection', 'close')
    done(null, text)
  })
  app.setErrorHandler<Error | Refusal>((error, request, reply) =>
    refuse(request, reply, toRefusal(error, request)),
  )
  addHealthRoutes(app, parts.readiness)
  const webhooks: FastifyPluginAsync = (scope) => addWebhookRoute(scope, route)
  app.register(webhooks)

  return {
    app,
    listen: async () => {
      const { url, port, ...listening } = await listen(app, settings)
      closeBeside = listening.closeBeside
      return { url, port }
    },
    refuseKeepAlive: () => {
      refusesKeepAlive = true
    },
    close: async (graceMs) => {
      refusesKeepAlive = true
      const timer = setTimeout(connectionRoom.destroyAll, graceMs)
      await Promise.all([app.close(), closeBeside()])
      clearTimeout(timer)
    },
    reloadTls: (tls) => (app.server as unknown as TlsServer).setSecureContext(tls),
  }
}

/** `GET /healthz`: the process lives. `GET /readyz`: it may be sent requests. */
function addHealthRoutes(app: FastifyInstance, readiness: () => Readiness): void {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const { ready, checks } = readiness()
    return reply.code(ready ? 200 : 503).send({ ready, checks })
  })
}

/** Where a server listens. */
interface Listening {
  /** Works from this machine. */
  readonly url: string
  readonly port: number
  /** Ends what listens beside the server itself, once its connections have ended. */
  closeBeside(): Promise<void>
}

/**
 * Listens on one address, for `localhost` on those of both families. Fastify's own `listen` opens a second
 * server for that, which has none of our limits: here the second one hands its connections to the first.
 */
async function listen(
  app: FastifyInstance,
  { host, port, tls }: { host: string; port: number; tls?: unknown },
): Promise<Listening> {
  await app.ready()
  app.server.listen({ host, port })
  await once(app.server, 'listening')
  const bound = app.server.address() as AddressInfo
  const twin = host === 'localhost' ? await listenBeside(app, bound, port === 0) : undefined
  const scheme = tls === undefined ? 'http' : 'https'
  return {
    url: `${scheme}://${reachableName(bound.address)}:${bound.port}`,
    port: bound.port,
    closeBeside: async () => {
      if (twin) await new Promise((resolve) => twin.close(resolve))
    },
  }
}

/** A machine may have one family only; a port that was taken by chance may be another's there. */
async function listenBeside(app: FastifyInstance, bound: AddressInfo, isAnyPort: boolean) {
  const twin = createServer((socket) => app.server.emit('connection', socket))
  const missing = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', ...(isAnyPort ? ['EADDRINUSE'] : [])]
  twin.listen({ host: isIP(bound.address) === 6 ? '127.0.0.1' : '::1', port: bound.port })
  try {
    await once(twin, 'listening')
    return twin
  } catch (error) {
    if (!missing.includes(String((error as NodeJS.ErrnoException).code))) throw error
    return undefined
  }
}
