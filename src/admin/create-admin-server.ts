import type { Server } from 'node:http'
import Fastify, { type FastifyHttpOptions, type FastifyInstance, type FastifyReply } from 'fastify'
import type { HandlerRegistration, ProviderName } from '../model.ts'
import type { GuardianFigures, Observer } from '../observe/observer.ts'
import type { Archive, SpoolFigures, Store } from '../store/store.ts'
import { addErrorAnswers } from './answer-errors.ts'
import { createAuditTrail } from './audit-trail.ts'
import { collectRoutes } from './collect-routes.ts'
import { addOpenapiRoute } from './openapi/add-openapi-route.ts'
import { addJsonParser } from './parameters/add-json-parser.ts'
import { ANSWER_HEADERS, refuseBrokenRequest } from './protect/answer-headers.ts'
import { protectRoutes } from './protect/protect-routes.ts'
import { createSignIn } from './protect/sign-in.ts'
import { createStatsReader } from './read-stats.ts'
import { addAuditRoute } from './routes/audit-route.ts'
import { addEraseRoute, type EraseRouteOptions } from './routes/erase-route.ts'
import { addEventRoutes } from './routes/event-routes.ts'
import { addExportRoute } from './routes/export-route.ts'
import { addHandlerRoutes } from './routes/handler-routes.ts'
import { addJobRoutes } from './routes/job-routes.ts'
import { addMetricsRoute, type MetricsSource } from './routes/metrics-route.ts'
import { addOverviewRoutes } from './routes/overview-routes.ts'
import { addPageRoutes } from './routes/page-routes.ts'
import { addPruneRoute, type PruneRouteOptions } from './routes/prune-route.ts'
import { addQuarantineRoutes } from './routes/quarantine-routes.ts'
import { addReplayRoute } from './routes/replay-route.ts'
import { addSessionRoutes } from './routes/session-routes.ts'
import { addStatsRoutes } from './routes/stats-routes.ts'

export interface AdminServerOptions {
  readonly archive: Archive &
    Pick<Store, 'replay' | 'loadHandlers' | 'setPaused' | 'requeue' | 'recordAudit'>
  /** Undefined where batches go straight to the store. */
  readonly spool: (() => Promise<SpoolFigures>) | undefined
  readonly work: EraseRouteOptions['work'] & PruneRouteOptions['work']
  readonly observer: Observer
  readonly metrics: MetricsSource
  /** The handlers of this moment; asked again for every answer. */
  readonly registrations: () => readonly HandlerRegistration[]
  /** What is known of our webhooks at the provider; undefined: nobody watches them. */
  readonly guardian: (() => GuardianFigures) | undefined
  /** The configured ones of this moment. */
  readonly sources: () => readonly { readonly name: string; readonly provider: ProviderName }[]
  /** For bytes that are read again. */
  readonly newBatchId: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The receiver's own version, as in `package.json`. */
  readonly version: string
  readonly settings: {
    readonly host: string
    /** 0 takes any free port. */
    readonly port: number
    /** Without one, only this machine is served. */
    readonly password: string | undefined
    /** CIDR blocks of the proxies that say from where a caller comes; empty: none. */
    readonly trustProxy: readonly string[]
  }
}

export interface AdminServer {
  /** Rejects when the address cannot be had. */
  listen(): Promise<{ readonly url: string; readonly port: number }>
  /** Lets answers in flight end for two seconds, then cuts them. May be called twice. */
  close(): Promise<void>
  readonly app: FastifyInstance
}

const CLOSE_GRACE_MS = 2_000
const MAX_CONNECTIONS = 200

const SERVER_OPTIONS: FastifyHttpOptions<Server> = {
  requestTimeout: 15_000,
  keepAliveTimeout: 10_000,
  handlerTimeout: 30_000,
  bodyLimit: 65_536,
  return503OnClosing: false,
  requestIdHeader: false,
  routerOptions: { maxParamLength: 500 },
  // A request without Host is refused by our own guard, which sets the headers of every answer.
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 2_000, requireHostHeader: false },
  clientErrorHandler: refuseBrokenRequest,
  frameworkErrors: (_error, _request, reply: FastifyReply) =>
    reply
      .code(400)
      .headers(ANSWER_HEADERS)
      .send({ error: 'bad_request', message: 'The address of the request cannot be read.' }),
}

/** The admin listener: JSON API and status page. Builds everything; opens no port by itself. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const {
    archive,
    spool,
    work,
    observer,
    metrics,
    registrations,
    guardian,
    now,
    version,
    settings,
  } = options
  const audited = createAuditTrail(archive, observer)
  const app: FastifyInstance = Fastify({
    ...SERVER_OPTIONS,
    trustProxy: settings.trustProxy.length > 0 && [...settings.trustProxy],
  })
  app.server.maxConnections = MAX_CONNECTIONS

  const signIn = settings.password === undefined ? undefined : createSignIn(settings.password, now)
  protectRoutes(app, signIn)
  const routes = collectRoutes(app)
  addErrorAnswers(app, { observer, routes })
  addJsonParser(app)

  addOpenapiRoute(app, { routes, version })
  const facts = { archive, spool, observer, registrations, guardian, now, version }
  addStatsRoutes(app, createStatsReader(facts))
  addOverviewRoutes(app, options)
  addEventRoutes(app, archive)
  addExportRoute(app, archive)
  addJobRoutes(app, { archive, observer, audited })
  addHandlerRoutes(app, { ...options, audited })
  addQuarantineRoutes(app, { ...options, audited })
  addReplayRoute(app, { archive, observer, registrations, audited })
  addEraseRoute(app, { work, observer, audited })
  addPruneRoute(app, { work, observer, audited })
  addAuditRoute(app, archive)
  addMetricsRoute(app, metrics)
  addSessionRoutes(app, { signIn, observer, version })
  addPageRoutes(app)

  return { listen: () => listen(app, settings), close: () => close(app), app }
}

async function listen(app: FastifyInstance, { host, port }: AdminServerOptions['settings']) {
  await app.listen({ host, port })
  const address = app.server.address()
  const taken = typeof address === 'object' && address ? address.port : port
  return { url: `http://${reachableName(host)}:${taken}`, port: taken }
}

/** What a person can open: a wildcard is no address to go to. */
function reachableName(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

async function close(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
