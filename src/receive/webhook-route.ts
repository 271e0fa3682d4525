import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fastifyRawBody from 'fastify-raw-body'
import type { ConnectionRoom } from '../connection-room.ts'
import type { Batch, ProviderName, Source } from '../model.ts'
import type { Observer, RefusalReason } from '../observe/observer.ts'
import type { Provider } from '../providers/provider.ts'
import { findHeader } from '../providers/signing.ts'
import type { Journal } from '../store/store.ts'
import { startPlatformTimer, within } from '../timers.ts'
import { type Admission, createAdmit } from './admit.ts'
import { findSource, waitsToBeAsked } from './framing.ts'
import type { BodyPlace, BodyRoom, HttpLimits } from './limits.ts'
import { Refusal, type Refuse } from './refuse.ts'

/** What the listener hands on to it. */
export interface WebhookParts {
  /** Looked up for each request, so that a reload refuses none. */
  readonly sources: () => ReadonlyMap<string, Source>
  readonly providers: Readonly<Record<ProviderName, Provider>>
  readonly journal: Journal
  readonly observer: Observer
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds of a clock that only goes forward. */
  readonly elapsedMs: () => number
  readonly newBatchId: () => string
}

export interface WebhookRoute extends WebhookParts {
  readonly bodyLimitBytes: number
  readonly limits: HttpLimits
  readonly refuse: Refuse
  readonly bodyRoom: BodyRoom
  readonly connectionRoom: ConnectionRoom
}

/** What is known of a request before its body has come. */
interface Admitted extends Admission {
  readonly source: Source
  readonly place: BodyPlace
  /** When its headers had come. */
  readonly beganMs: number
}

/**
 * `POST /webhooks/<source>`: admit by the headers, read the body, authenticate it, keep it, answer.
 * Parses nothing, so that no content can prevent the 200.
 */
export async function addWebhookRoute(scope: FastifyInstance, route: WebhookRoute): Promise<void> {
  const admitted = new WeakMap<FastifyRequest, Admitted>()
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', awaitBody)
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
  const { bodyRoom, elapsedMs, limits, refuse, sources } = route
  const admit = createAdmit(route)

  return (request: FastifyRequest, reply: FastifyReply, readBody: () => void) => {
    const source = findSource(request.url, sources())
    if (source === undefined) throw new Refusal('unknown_source')
    const admission = admit(request, source)
    const end = (reason: RefusalReason) => refuse(request, reply, new Refusal(reason))
    const place = bodyRoom.admit(request.raw, reply.raw, end)
    const stopTimer = startPlatformTimer(limits.answerTimeoutMs, () => end('too_slow'))
    request.raw.once('close', stopTimer)
    admitted.set(request, { ...admission, source, place, beganMs: elapsedMs() })
    acceptAnyContentType(request)
    if (waitsToBeAsked(request.raw)) reply.raw.writeContinue()
    readBody()
  }
}

/** The plugin has the bytes by the end of them: a parser that takes them makes a second copy. */
function awaitBody(
  _request: FastifyRequest,
  payload: IncomingMessage,
  done: (error: Error | null) => void,
): void {
  payload.once('end', () => done(null)).once('error', done)
}

function createReceiveStep(route: WebhookRoute, admitted: WeakMap<FastifyRequest, Admitted>) {
  const { elapsedMs, limits, now, observer } = route

  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const admission = admissionOf(request, admitted)
    const { source, place, beganMs } = admission
    const body = takeBody(request)
    const secretPosition = authenticate(body, admission, route)
    const batch = toBatch(request, body, { source, id: route.newBatchId(), receivedAt: now() })
    const bytes = body.length
    // From here on the body is the journal's, which may move it to another thread.
    const kept = keep(batch, route.journal)
    place.holdUntil(kept)
    const leftMs = limits.answerTimeoutMs - (elapsedMs() - beganMs)
    const isKept = await within(Math.min(limits.journalTimeoutMs, leftMs), kept)
    if (!isKept) throw new Refusal('store')
    const ackMs = Math.round((elapsedMs() - beganMs) * 10) / 10
    observer.batchReceived({ batch: batch.id, source: source.name, bytes, ackMs, secretPosition })
    return answerReceived(reply, batch.id)
  }
}

/** Answers which secret signed the body. */
function authenticate(
  body: Buffer,
  { source, signature, isForeign }: Admitted,
  { providers, now }: WebhookRoute,
): number {
  const provider = providers[source.provider]
  const secretPosition = provider.verify(body, signature, source, now())
  if (isForeign) throw new Refusal(secretPosition < 0 ? 'address' : 'address_genuine')
  if (body.length === 0) throw new Refusal('empty_body')
  if (secretPosition >= 0) return secretPosition
  const { reason, ...details } = provider.findFault(body, signature, source, now())
  throw new Refusal(reason, details)
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

/** The body's bytes as they came. */
function takeBody(request: FastifyRequest): Buffer {
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
    sha256: hash('sha256', body),
    body,
  }
}

/** False: the journal does not have it. */
async function keep(batch: Batch, journal: Journal): Promise<boolean> {
  try {
    await journal.append(batch)
    return true
  } catch {
    return false
  }
}

function answerReceived(reply: FastifyReply, batchId: string): FastifyReply {
  return reply
    .header('content-type', 'application/json; charset=utf-8')
    .send(`{"status":"received","batch":"${batchId}"}`)
}
