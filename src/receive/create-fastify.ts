import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { isAmbiguous, toOriginForm } from './framing.ts'
import type { HttpLimits } from './limits.ts'
import { Refusal, type Refuse, type RefuseConnection, reasonOfClientError } from './refuse.ts'

export interface ListenerSettings {
  /** CIDR blocks of the load balancers whose `X-Forwarded-For` counts; empty: nobody's. */
  readonly trustProxy: readonly string[]
  /** A larger body is refused. */
  readonly bodyLimitBytes: number
  /** Without it the listener speaks plain HTTP. */
  readonly tls?: TlsPair | undefined
}

/** Both PEM. */
export interface TlsPair {
  readonly cert: Buffer
  readonly key: Buffer
}

// Beyond the limit a request is answered 503; beyond this, a connection is dropped.
const SPARE_CONNECTIONS = 100
// No route's limit: a longer name of a source would be answered 414.
const MAX_PARAM_LENGTH = 16 * 1024

/** No route has a schema of Fastify's, whose compilers took an eighth of the start to load. */
const noCompiler = () => () => {
  throw new Error('Routes of this listener have no schema of Fastify’s.')
}

/** A Fastify that bounds time and connections and tells nothing of itself. */
export function createFastify(
  settings: ListenerSettings,
  parts: { limits: HttpLimits; refuse: Refuse; refuseConnection: RefuseConnection },
): FastifyInstance {
  const { limits, refuse, refuseConnection } = parts
  const http = {
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    insecureHTTPParser: false,
    // Refused by us, with our answer.
    requireHostHeader: false,
  }
  const options: FastifyServerOptions = {
    logger: false,
    requestIdHeader: false,
    trustProxy: settings.trustProxy.length > 0 ? [...settings.trustProxy] : false,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxRequestsPerSocket: limits.requestsPerConnection,
    bodyLimit: settings.bodyLimitBytes,
    return503OnClosing: false,
    rewriteUrl: ({ url = '' }) => toOriginForm(url),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    schemaController: {
      compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler },
    },
    clientErrorHandler: (error, socket) => {
      const reason = reasonOfClientError(error)
      if (reason === undefined) socket.destroy()
      else refuseConnection(socket, reason)
    },
    frameworkErrors: (_error, request, reply) =>
      refuse(
        request,
        reply,
        new Refusal(isAmbiguous(request.raw) ? 'malformed' : 'unknown_source'),
      ),
  }
  const handshakeTimeout = limits.headersTimeoutMs
  const transport = settings.tls
    ? { https: { ...http, ...settings.tls, handshakeTimeout } }
    : { http }
  const app = Fastify({ ...options, ...transport } as FastifyServerOptions)
  app.server.maxConnections = limits.connections + SPARE_CONNECTIONS
  app.server.on('connect', (_request, socket) => refuseConnection(socket, 'malformed'))
  waitWithContinue(app.server)
  return app
}

/** Node would ask for the body before we have looked at the headers. */
function waitWithContinue(server: Server): void {
  for (const event of ['checkContinue', 'checkExpectation'] as const) {
    server.on(event, (request, response) => server.emit('request', request, response))
  }
}

export interface TlsPaths {
  readonly certFile: string
  readonly keyFile: string
}

export function readTlsPair({ certFile, keyFile }: TlsPaths): TlsPair {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) }
}
