import type { FastifyReply, FastifyRequest } from 'fastify'
import ndjson from 'ndjson'
import type { Observer } from '../observe/observer.ts'
import { describeProblem } from './answer-errors.ts'

/** How far it has come; `total` where it is known; `unit` is what is counted, `events` for example. */
export interface WorkProgress {
  readonly done: number
  readonly total?: number | undefined
  readonly unit: string
}

export type LongWork = (onProgress: (progress: WorkProgress) => void) => Promise<object>

/** However long it takes: an answer before the end could not say what came of it. */
export const LONG_WORK = { handlerTimeout: 86_400_000 }

export const LINES = 'application/x-ndjson'
const INTERVAL_MS = 200

/**
 * Answers when the work has ended. A client that accepts NDJSON gets a line now and then that tells
 * of its progress, so that it can show it, and nothing between takes the connection for a dead one.
 */
export async function answerLongWork(
  {
    request,
    reply,
    observer,
  }: { request: FastifyRequest; reply: FastifyReply; observer: Pick<Observer, 'adminFailed'> },
  work: LongWork,
): Promise<object> {
  if (!request.headers.accept?.includes(LINES)) return await work(() => {})
  const lines = ndjson.stringify()
  let latest: WorkProgress = { done: 0, unit: 'rows' }
  const timer = setInterval(() => lines.write({ progress: latest }), INTERVAL_MS)
  const ended = work((progress) => {
    latest = progress
  }).catch((error: unknown) => {
    observer.adminFailed({ route: request.routeOptions.url ?? 'unknown', error })
    return describeProblem(error).body
  })
  void ended.then((last) => {
    clearInterval(timer)
    lines.end(last)
  })
  return reply.type(LINES).send(lines)
}
