import * as http from 'node:http'
import * as https from 'node:https'
import { rootCertificates } from 'node:tls'
import type { ForwardOptions } from '../built-in-options.ts'
import { type Answer, describeFault, forwardError } from './check-answer.ts'

/** As much of an answer is read; a list of 500 failed ids fits eight times. */
const MAX_ANSWER_BYTES = 256 * 1024
/** How long the rest of an answer that nobody needs may take, before its connection is given up. */
const REST_MS = 2_000
/** Connections that are kept while there is nothing to send: no more than attempts run at once. */
const MAX_IDLE = 1_000

export interface OutgoingRequest {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** `readsBody`: all of the answer is waited for. */
interface PostMeans {
  readonly signal: AbortSignal
  readonly readsBody: boolean
}

/**
 * Where events go: HTTP/1.1 with connections that are used again; redirects are answers like any other.
 */
export function openEndpoint(options: Pick<ForwardOptions, 'url' | 'headers' | 'ca'>) {
  const url = new URL(options.url)
  const client = url.protocol === 'https:' ? https : http
  const agent = new client.Agent({ keepAlive: true, maxFreeSockets: MAX_IDLE, scheduling: 'lifo' })
  const ca = options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] }
  const label = url.origin

  function send(
    { body, headers }: OutgoingRequest,
    { signal, readsBody }: PostMeans,
    connection: http.Agent | false,
  ): Promise<Answer | 'stale'> {
    return new Promise((resolve, reject) => {
      const request = client.request(url, {
        ...ca,
        method: 'POST',
        agent: connection,
        signal,
        headers: { ...options.headers, ...headers, 'content-length': Buffer.byteLength(body) },
      })
      request.once('response', (response) => {
        request.off('error', fail).on('error', () => {})
        void readAnswer(response, readsBody).then(resolve)
      })
      const fail = (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? '')
        if (isStale) resolve('stale')
        else reject(forwardError(describeFault(label, error)))
      }
      request.once('error', fail)
      request.end(body)
    })
  }

  return {
    /** Without what may be secret in it. */
    label,
    /** Rejects when no answer came. */
    async post(request: OutgoingRequest, means: PostMeans): Promise<Answer> {
      const answer = await send(request, means, agent)
      if (answer !== 'stale') return answer
      // The endpoint closed the connection as we began to use it again: that is no failure of its.
      const second = await send(request, means, false)
      if (second !== 'stale') return second
      throw forwardError(`${label} closed the connection.`)
    },
  }
}

function readAnswer(response: http.IncomingMessage, readsBody: boolean): Promise<Answer> {
  const { statusCode: status = 0, headers } = response
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise((resolve) => {
    const giveUp = () => response.destroy()
    const timer = readsBody ? undefined : setTimeout(giveUp, REST_MS)
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (readsBody) chunks.push(chunk)
      if (bytes > MAX_ANSWER_BYTES) giveUp()
    })
    response.on('error', () => {})
    response.once('close', () => {
      clearTimeout(timer)
      const isWhole = readsBody && response.complete && bytes <= MAX_ANSWER_BYTES
      const body = isWhole ? Buffer.concat(chunks).toString() : undefined
      resolve({ status, retryAfter: headers['retry-after'], body })
    })
  })
}
