import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'

/** An answer, or the code of what kept it from coming: `ECONNREFUSED`, `timeout`. */
export type Exchange =
  | {
      readonly isAnswered: true
      readonly status: number
      readonly headers: IncomingHttpHeaders
      /** The start of the body. */
      readonly text: string
      /** Milliseconds since 1970. */
      readonly sentAt: number
      readonly answeredAt: number
    }
  | { readonly isAnswered: false; readonly code: string }

export interface ExchangeMeans {
  readonly timeoutMs: number
  /** Certificates to trust beside the usual ones. */
  readonly ca: readonly string[] | undefined
  readonly stopped: AbortSignal
  readonly now: () => number
}

export interface OutgoingRequest {
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

const MAX_TEXT = 2_000

/** One request on a connection of its own; follows no redirect, never rejects. */
export function exchange(
  url: URL,
  { method, headers = {}, body }: OutgoingRequest,
  { timeoutMs, ca, stopped, now }: ExchangeMeans,
): Promise<Exchange> {
  const { request } = url.protocol === 'https:' ? https : http
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)])
  const length = body === undefined ? {} : { 'content-length': String(body.length) }
  const sentAt = now()
  return new Promise((resolve) => {
    const fail = (error: unknown) => resolve({ isAnswered: false, code: codeOf(error, stopped) })
    const options = {
      method,
      headers: { ...headers, ...length },
      agent: false,
      signal,
      ca: trusted(ca),
    }
    const outgoing = request(url, options as https.RequestOptions, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        if (text.length < MAX_TEXT) text += part
      })
      answer.on('error', fail)
      answer.on('end', () =>
        resolve({
          isAnswered: true,
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text: text.slice(0, MAX_TEXT),
          sentAt,
          answeredAt: now(),
        }),
      )
    })
    outgoing.on('error', fail)
    outgoing.end(body)
  })
}

/** Undefined, the platform's own certificates count; a list replaces them. */
function trusted(ca: readonly string[] | undefined): string[] | undefined {
  return ca === undefined ? undefined : [...ca]
}

function codeOf(error: unknown, stopped: AbortSignal): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    return stopped.aborted ? 'stopped' : 'timeout'
  }
  const [first] = error instanceof AggregateError ? error.errors : [error]
  return String((first as NodeJS.ErrnoException).code ?? error.message)
}
