import type { FastifyInstance } from 'fastify'
import { ERROR_CODES, ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'
import { type CollectedRoute, methodsOf } from './collect-routes.ts'
import { InvalidParameters } from './parameters/invalid-parameters.ts'

/** Fixed texts: what the framework says of an error may hold more than a stranger should read. */
const CLIENT_ERRORS: Readonly<Record<number, { error: string; message: string }>> = {
  400: { error: 'bad_request', message: 'The request cannot be read.' },
  413: { error: 'too_large', message: 'The body is larger than 64 KiB.' },
  415: {
    error: 'unsupported_media_type',
    message: 'Send JSON, with the header content-type: application/json.',
  },
}

const NOT_FOUND = {
  error: 'not_found',
  message: 'There is nothing at this address. The API begins at /api/stats and /api/events.',
}

const INTERNAL = {
  error: 'internal',
  message: 'The receiver failed to answer. Its log says why; nothing that was received is lost.',
}

const TOO_SLOW = {
  error: 'too_slow',
  message: 'The store did not answer in time. Ask for less (limit, from, to), or again in a while.',
}

const AGAIN = 'What was asked for may not have been done: ask again in a while.'

/** The catalogue's text is for whoever reads the log: it speaks of batches. */
const STORE_AWAY = `The store cannot be reached. ${AGAIN}`
const STORE_BUSY = `The store could not do its work in time. ${AGAIN}`

const RETRY_AFTER_SECONDS = 5

/** Own answers to errors and unknown addresses, so that none tells more than it should. */
export function addErrorAnswers(
  app: FastifyInstance,
  {
    observer,
    routes,
  }: { observer: Pick<Observer, 'adminFailed'>; routes: readonly CollectedRoute[] },
): void {
  app.setNotFoundHandler(({ url, method }, reply) => {
    const allowed = methodsOf(routes, url.split('?', 1)[0] ?? '')
    if (allowed.length === 0) return reply.code(404).send(NOT_FOUND)
    return reply
      .code(405)
      .header('allow', allowed.join(', '))
      .send({
        error: 'method_not_allowed',
        message: `There is no ${method} at this address: use ${allowed.join(' or ')}.`,
      })
  })

  app.setErrorHandler((error, request, reply) => {
    const { status, body } = describeProblem(error)
    if (status >= 500) observer.adminFailed({ route: request.routeOptions.url ?? 'unknown', error })
    if (error instanceof ReceiverError && error.code !== 'store_refused') {
      reply.header('retry-after', RETRY_AFTER_SECONDS)
    }
    return reply.code(status).send(body)
  })
}

/** What a client is told of an error. */
export function describeProblem(error: unknown): { status: number; body: object } {
  if (error instanceof InvalidParameters) {
    const { code, message, problems } = error
    return { status: 400, body: { error: code, message, problems } }
  }
  const known = CLIENT_ERRORS[statusOf(error)]
  if (known) return { status: statusOf(error), body: known }
  if (error instanceof ReceiverError) {
    return { status: 503, body: { error: error.code, message: describeStore(error) } }
  }
  const isTimeout = statusOf(error) === 503
  return { status: isTimeout ? 503 : 500, body: isTimeout ? TOO_SLOW : INTERNAL }
}

function describeStore({ code, isAway }: ReceiverError): string {
  if (code !== 'store_busy') return ERROR_CODES[code]
  return isAway ? STORE_AWAY : STORE_BUSY
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : 500
}
