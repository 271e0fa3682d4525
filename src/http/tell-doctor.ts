import type { FastifyReply, FastifyRequest } from 'fastify'

/** With this header an authentic request asks what was seen of it; no provider sends it. */
export const DOCTOR_QUESTION = 'x-receiver-doctor'
export const DOCTOR_ANSWER = 'x-receiver-saw'

const MAX_FORWARDED = 300

/** What the receiver saw of a request. */
export interface SeenRequest {
  /** Our clock, ISO 8601. */
  readonly at: string
  /** Who is at the other end of the connection. */
  readonly peer: string
  /** Who counts as the sender: the peer, unless that is a trusted proxy. */
  readonly client: string
  /** `X-Forwarded-For` as it arrived. */
  readonly forwardedFor: string | undefined
  readonly isProxyTrusted: boolean
}

/** Answers the question, if it was asked, in a header of the 200. Only for authentic requests. */
export function tellDoctor(
  request: FastifyRequest,
  reply: FastifyReply,
  { now, trustProxy }: { now: () => number; trustProxy: readonly string[] },
): void {
  if (request.headers[DOCTOR_QUESTION] === undefined) return
  const forwarded = request.headers['x-forwarded-for']
  const seen: SeenRequest = {
    at: new Date(now()).toISOString(),
    peer: request.socket.remoteAddress ?? '',
    client: request.ip,
    forwardedFor: forwarded === undefined ? undefined : String(forwarded).slice(0, MAX_FORWARDED),
    isProxyTrusted: trustProxy.length > 0,
  }
  reply.header(DOCTOR_ANSWER, encodeURIComponent(JSON.stringify(seen)))
}
