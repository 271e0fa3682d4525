import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fastifyRawBody from 'fastify-raw-body'
import type { Batch, ProviderName, Source } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import { findHeader } from '../providers/find-header.ts'
import type { Provider } from '../providers/provider.ts'
import type { Journal } from '../store/store.ts'
import { createAdmit } from './admit.ts'
import type { BodyPlace, BodyRoom } from './body-room.ts'
import type { ConnectionRoom } from './connection-room.ts'
import { findSource } from './find-source.ts'
import { waitsToBeAsked } from './framing.ts'
import type { HttpLimits } from './limits.ts'
import type { Refuse } from './refuse.ts'
import { tellDoctor } from './tell-doctor.ts'

export interface WebhookRoute {
  /** Looked up for each request, so that a reload refuses none. */
  readonly sources: () => ReadonlyMap<string, Source>
  readonly providers: Readonly<Record<ProviderName, Provider>>
  readonly journal: Journal
  readonly observer: Observer
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly newBatchId: () => string
  readonly bodyLimitBytes: number
  readonly trustProxy: readonly string[]
  readonly limits: HttpLimits
  readonly refuse: Refuse
  readonly bodyRoom: BodyRoom
  readonly connectionRoom: ConnectionRoom
}

/** What is known of a request before its body has come. */
interface Admitted {
  readonly source: Source
  readonly signature: string
  readonly place: BodyPlace
}

/**
 * `POST /webhooks/<source>`: admit by the headers, read the body, authenticate it, keep it, answer.
 * Parses nothing, so that no content can prevent the 200.
 */
export async function addWebhookRoute(scope: FastifyInstance, route: WebhookRoute): Promise<void> {
  const admitted = new WeakMap<FastifyRequest, Admitted>()
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  await scope.register(fastifyRawBody, {
    global: false,
    encoding: false,
    runFirst: true,
    jsonContentTypes: [],
  })
  scope.post(
    '/webhooks/:source',
    {
      bodyLimit: route.bodyLimitBytes,
      config: { rawBody: true },
      onRequest: createAdmitStep(route, admitted),
    },
    createReceiveStep(route, admitted),
  )
}

function createAdmitStep(route: WebhookRoute, admitted: WeakMap<FastifyRequest, Admitted>) {
  const { bodyRoom, refuse, sources } = route
  const admit = createAdmit(route)

  return (request: FastifyRequest, reply: FastifyReply, readBody: () => void) => {
    const source = findSource(request.url, sources())
    if (source === undefined) return refuse(request, reply, 'unknown_source')
    const admission = admit(request, source)
    if (!admission.isAdmitted) return refuse(request, reply, admission.reason)

    const onFull = () => refuse(request, reply, 'overloaded')
    const place = bodyRoom.admit(request.raw, reply.raw, onFull)
    admitted.set(request, { source, signature: admission.signature, place })
    acceptAnyContentType(request)
    if (waitsToBeAsked(request.raw)) reply.raw.writeContinue()
    readBody()
  }
}

function createReceiveStep(route: WebhookRoute, admitted: WeakMap<FastifyRequest, Admitted>) {
  const { limits, now, observer, providers, refuse } = route

  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { source, signature, place } = admissionOf(request, admitted)
    const body = takeBody(request)
    if (body.length === 0) return refuse(request, reply, 'empty_body')
    const secretPosition = providers[source.provider].verify(body, signature, source, now())
    if (secretPosition < 0) return refuse(request, reply, 'signature')

    const batch = toBatch(request, body, { source, id: route.newBatchId(), receivedAt: now() })
    const bytes = body.length
    // From here on the body is the journal's, which may move it to another thread.
    const kept = keep(batch, route.journal)
    place.holdUntil(kept)
    const leftMs = limits.answerTimeoutMs - reply.elapsedTime
    if (!(await isDoneWithin(kept, Math.min(limits.journalTimeoutMs, leftMs)))) {
      return refuse(request, reply, 'store')
    }
    const ackMs = Math.round(reply.elapsedTime * 10) / 10
    observer.batchReceived({ batch: batch.id, source: source.name, bytes, ackMs, secretPosition })
    tellDoctor(request, reply, route)
    return answerReceived(reply, batch.id)
  }
}

/**
 * Fastify answers 415 to an empty or odd content type before any parser runs. What the client
 * wrote stays readable in the raw headers.
 */
function acceptAnyContentType(request: FastifyRequest): void {
  request.raw.headers['content-type'] = 'application/octet-stream'
}

function admissionOf(request: FastifyRequest, admitted: WeakMap<FastifyRequest, Admitted>) {
  const admission = admitted.get(request)
  if (admission === undefined) throw new Error('A request reached its body without being admitted.')
  return admission
}

/** The body's bytes as they came; lets go of the second copy, which the parser made. */
function takeBody(request: FastifyRequest): Buffer {
  request.body = undefined
  return Buffer.isBuffer(request.rawBody) ? request.rawBody : Buffer.alloc(0)
}

function toBatch(
  request: FastifyRequest,
  body: Buffer,
  { source, id, receivedAt }: { source: Source; id: string; receivedAt: number },
): Batch {
  return {
    id,
    source: source.name,
    provider: source.provider,
    receivedAt,
    contentType: findHeader(request.raw.rawHeaders, 'content-type')[0],
    sha256: createHash('sha256').update(body).digest('hex'),
    body,
  }
}

/** Turns what a journal throws into a rejection. */
async function keep(batch: Batch, journal: Journal): Promise<void> {
  await journal.append(batch)
}

/** False when it rejects or takes longer. What comes of it later is of no interest. */
function isDoneWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs, false)
    const settle = (isDone: boolean) => () => {
      clearTimeout(timer)
      resolve(isDone)
    }
    work.then(settle(true), settle(false))
  })
}

function answerReceived(reply: FastifyReply, batchId: string): FastifyReply {
  return reply
    .header('content-type', 'application/json; charset=utf-8')
    .send(`{"status":"received","batch":"${batchId}"}`)
}
