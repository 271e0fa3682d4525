import type { FastifyInstance } from 'fastify'
import { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'

/** An answer that is no success, decided by a route: a word for programs, a text for people. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  /** Of what a client asked for: each thing that is wrong. */
  readonly problems: readonly string[] | undefined

  constructor(status: number, code: string, text: string, problems?: readonly string[]) {
    super(text)
    this.status = status
    this.code = code
    this.problems = problems
  }
}

/** What a client asked for makes no sense; each problem is a sentence that names the parameter. */
export const invalidParameters = (...problems: readonly string[]): Refusal =>
  new Refusal(400, 'invalid_parameters', problems.join(' '), problems)

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
  observer: Pick<Observer, 'adminFailed'>,
): void {
  const routes: { readonly method: string; readonly parts: readonly string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    for (const one of [method].flat()) routes.push({ method: one, parts: url.split('/') })
  })
  /** By which methods an address can be asked. */
  const methodsOf = (path: string) => {
    const given = path.split('/')
    return routes.filter(({ parts }) => isMatch(parts, given)).map(({ method }) => method)
  }

  app.setNotFoundHandler(({ url, method }, reply) => {
    const allowed = methodsOf(url.split('?', 1)[0] ?? '')
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
    if (error instanceof ReceiverError && error.known.isRetryable) {
      reply.header('retry-after', RETRY_AFTER_SECONDS)
    }
    return reply.code(status).send(body)
  })
}

/** Parameters of a route begin with a colon. */
function isMatch(parts: readonly string[], given: readonly string[]): boolean {
  return (
    parts.length === given.length &&
    parts.every((part, at) => (part.startsWith(':') ? given[at] !== '' : given[at] === part))
  )
}

/** What a client is told of an error. */
export function describeProblem(error: unknown): { status: number; body: object } {
  if (error instanceof Refusal) {
    const { status, code, message, problems } = error
    return { status, body: { error: code, message, problems } }
  }
  const known = CLIENT_ERRORS[statusOf(error)]
  if (known) return { status: statusOf(error), body: known }
  if (error instanceof ReceiverError) {
    const { code, known } = error
    return { status: known.status, body: { error: code, message: describeStore(error) } }
  }
  const isTimeout = statusOf(error) === 503
  return { status: isTimeout ? 503 : 500, body: isTimeout ? TOO_SLOW : INTERNAL }
}

function describeStore({ code, known, isAway }: ReceiverError): string {
  if (code !== 'store_busy') return known.text
  return isAway ? STORE_AWAY : STORE_BUSY
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : 500
}
