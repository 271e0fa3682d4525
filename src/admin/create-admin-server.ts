import { readdirSync, readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { extname } from 'node:path'
import Fastify, {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { reachableName } from '../address.ts'
import { createConnectionRoom } from '../connection-room.ts'
import { builtFile } from '../own-files.ts'
import { addErrorAnswers, invalidParameters } from './answer-errors.ts'
import { addAuditRoute } from './api/audit.ts'
import { addBackfillRoute } from './api/backfill.ts'
import { addChangeRoutes } from './api/change-jobs.ts'
import { addEventRoutes } from './api/events.ts'
import { addHandlerRoutes } from './api/handlers.ts'
import { addJobRoutes } from './api/jobs.ts'
import { addOverviewRoutes } from './api/overview.ts'
import { addQuarantineRoutes } from './api/quarantine.ts'
import { addReplayRoute } from './api/replay.ts'
import { addSessionRoutes } from './api/session.ts'
import { addStatsRoutes } from './api/stats.ts'
import { addUpkeepRoutes } from './api/upkeep.ts'
import { createAuditTrail } from './audit-trail.ts'
import type { AdminContext, Receiver } from './context.ts'
import { type AdminApp, addSchemas } from './openapi.ts'
import {
  ANSWER_HEADERS,
  OPEN_ROUTE,
  protectRoutes,
  refuseBrokenRequest,
} from './protect/protect-routes.ts'
import { createSignIn } from './protect/sign-in.ts'

export interface AdminServerOptions extends Receiver {
  /** Milliseconds of a clock that only goes forward: for sessions and wrong passwords. */
  readonly elapsedMs: () => number
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

/** Schemas are zod's: Fastify's compilers took an eighth of the start to load. */
const noCompiler = () => () => {
  throw new Error('Routes of this listener have schemas of zod.')
}

const SERVER_OPTIONS: FastifyHttpOptions<Server> = {
  requestTimeout: 15_000,
  keepAliveTimeout: 10_000,
  handlerTimeout: 30_000,
  bodyLimit: 65_536,
  return503OnClosing: false,
  requestIdHeader: false,
  routerOptions: { maxParamLength: 500 },
  schemaController: {
    compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler },
  },
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
  const { settings, version, elapsedMs } = options
  const app: FastifyInstance = Fastify({
    ...SERVER_OPTIONS,
    trustProxy: settings.trustProxy.length > 0 && [...settings.trustProxy],
  })
  createConnectionRoom(app.server, MAX_CONNECTIONS)
  // What waits for us makes way for nobody: there is an end to it, too.
  app.server.maxConnections = 2 * MAX_CONNECTIONS

  const { password } = settings
  const signIn = password === undefined ? undefined : createSignIn(password, elapsedMs)
  protectRoutes(app, signIn)
  addErrorAnswers(app, options.observer)
  addJsonParser(app)
  addSchemas(app, version)
  // Behind what describes them, which is loaded first.
  void app.register((api: AdminApp, _options, done) => {
    const audited = createAuditTrail(options.archive, options.observer)
    addRoutes(api, { ...options, audited, signIn })
    done()
  })

  return { listen: () => listen(app, settings), close: () => close(app), app }
}

function addRoutes(app: AdminApp, context: AdminContext): void {
  addStatsRoutes(app, context)
  addOverviewRoutes(app, context)
  addEventRoutes(app, context)
  addJobRoutes(app, context)
  addChangeRoutes(app, context)
  addHandlerRoutes(app, context)
  addQuarantineRoutes(app, context)
  addReplayRoute(app, context)
  addUpkeepRoutes(app, context)
  addBackfillRoute(app, context)
  addAuditRoute(app, context)
  addSessionRoutes(app, context)
  addPage(app)
}

/** JSON is the only body this listener reads. */
function addJsonParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const parseJson = async (_request: FastifyRequest, body: string | Buffer): Promise<unknown> => {
    const text = String(body)
    try {
      // The framework takes null for no body; it is no object either.
      return text === '' ? undefined : (JSON.parse(text) ?? [])
    } catch {
      throw invalidParameters('The body is not JSON.')
    }
  }
  app.addContentTypeParser('application/json', { parseAs: 'string' }, parseJson)
}

const PAGE_FOLDER = builtFile('admin/page/')

const PAGE_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * The dashboard's own files, which hold nothing of what is kept here; so its login form can be
 * shown. Read once, at the start: a missing file stops the start, not the first visit.
 */
function addPage(app: AdminApp): void {
  const files = readdirSync(PAGE_FOLDER, { recursive: true, encoding: 'utf8' }).filter(
    (file) => PAGE_TYPES[extname(file)] !== undefined,
  )
  for (const file of files) {
    const content = readFileSync(new URL(file, PAGE_FOLDER))
    const path = file === 'index.html' ? '/' : `/${file.replaceAll('\\', '/')}`
    const type = PAGE_TYPES[extname(file)] ?? ''
    app.get(path, { config: OPEN_ROUTE }, (_request, reply) => reply.type(type).send(content))
  }
}

async function listen(app: FastifyInstance, { host, port }: AdminServerOptions['settings']) {
  await app.listen({ host, port })
  const address = app.server.address()
  const taken = typeof address === 'object' && address ? address.port : port
  return { url: `http://${reachableName(host)}:${taken}`, port: taken }
}

async function close(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
