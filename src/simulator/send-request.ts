import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'

/** What came back of a request. */
export interface Exchange {
  /** The status, or why there is none: `ECONNREFUSED`, `timeout`. */
  readonly status: number | string
  readonly headers: IncomingHttpHeaders
  /** The start of the body. */
  readonly text: string
}

export interface OutgoingRequest {
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

interface RequestMeans {
  readonly timeoutMs: number
  /** Cuts what is under way. */
  readonly stopped: AbortSignal
  /** Default: a connection of its own. */
  readonly agent?: http.Agent
  /** Certificates that count; default: the platform's. */
  readonly ca?: readonly string[] | undefined
  /** In which the body goes out, in pieces. Default: at once. */
  readonly spreadMs?: number
}

const MAX_TEXT = 2_000
const PIECES = 10

/** One request; follows no redirect, never rejects. */
export function sendRequest(
  url: URL,
  { method, headers = {}, body }: OutgoingRequest,
  { timeoutMs, stopped, agent, ca, spreadMs = 0 }: RequestMeans,
): Promise<Exchange> {
  const { request } = url.protocol === 'https:' ? https : http
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)])
  const length = body === undefined ? {} : { 'content-length': String(body.length) }
  const options: https.RequestOptions = {
    method,
    headers: { ...headers, ...length },
    agent: agent ?? false,
    signal,
    ...(ca && { ca: [...ca] }),
  }
  return new Promise((resolve) => {
    const fail = (error: unknown) =>
      resolve({ status: codeOf(error, stopped), headers: {}, text: '' })
    const outgoing = request(url, options, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        if (text.length < MAX_TEXT) text += part
      })
      answer.on('error', fail)
      answer.on('end', () => {
        const { statusCode: status = 0, headers: told } = answer
        resolve({ status, headers: told, text: text.slice(0, MAX_TEXT) })
      })
    })
    outgoing.on('error', fail)
    if (body === undefined || spreadMs === 0) outgoing.end(body)
    else void writeSlowly(outgoing, body, { spreadMs, signal })
  })
}

async function writeSlowly(
  outgoing: http.ClientRequest,
  body: Buffer,
  { spreadMs, signal }: { spreadMs: number; signal: AbortSignal },
): Promise<void> {
  const pieceBytes = Math.ceil(body.length / PIECES)
  for (let at = 0; at < body.length && !outgoing.destroyed; at += pieceBytes) {
    outgoing.write(body.subarray(at, at + pieceBytes))
    // Whoever aborts has ended the request already.
    await wait(spreadMs / PIECES, undefined, { signal }).catch(() => {})
  }
  outgoing.end()
}

function codeOf(error: unknown, stopped: AbortSignal): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    return stopped.aborted ? 'stopped' : 'timeout'
  }
  const [first] = error instanceof AggregateError ? error.errors : [error]
  return String((first as NodeJS.ErrnoException).code ?? error.message)
}

/** What came back for one batch. */
export interface Answer extends Exchange {
  readonly durationMs: number
}

export type Poster = ReturnType<typeof createPoster>

/** Posts bodies byte for byte over connections that stay open, so many to one host at a time. */
export function createPoster({
  connections,
  elapsedMs,
  ...means
}: Pick<RequestMeans, 'timeoutMs' | 'stopped'> & {
  readonly connections: number
  readonly elapsedMs: () => number
}) {
  const settings = { keepAlive: true, maxSockets: connections }
  const agents = { 'http:': new http.Agent(settings), 'https:': new https.Agent(settings) }
  return {
    /** Never rejects. The body goes out at once, or in pieces over `spreadMs`. */
    async post(
      url: URL,
      body: Buffer,
      headers: Readonly<Record<string, string>>,
      spreadMs = 0,
    ): Promise<Answer> {
      const startedAt = elapsedMs()
      const agent = agents[url.protocol === 'https:' ? 'https:' : 'http:']
      const request = { method: 'POST', headers, body } as const
      const exchange = await sendRequest(url, request, { ...means, agent, spreadMs })
      return { ...exchange, durationMs: elapsedMs() - startedAt }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}
