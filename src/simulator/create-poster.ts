import http from 'node:http'
import https from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'

/** What came back for one batch. */
export interface Answer {
  /** The status, or why there is none: `ECONNREFUSED`, `timeout`. */
  readonly status: number | string
  /** Start of the answer's body. */
  readonly text: string
  readonly durationMs: number
}

export interface Poster {
  /** Never rejects. The body goes out at once, or in pieces over `spreadMs`. */
  post(body: Buffer, headers: Readonly<Record<string, string>>, spreadMs?: number): Promise<Answer>
  close(): void
}

export interface PosterOptions {
  readonly url: URL
  readonly connections: number
  readonly timeoutMs: number
  /** Milliseconds, never backwards. */
  readonly elapsedMs: () => number
  /** Cuts what is under way. */
  readonly signal: AbortSignal
}

const MAX_ANSWER_TEXT = 300
const PIECES = 10

/** Posts bodies byte for byte over connections that stay open. */
export function createPoster({
  url,
  connections,
  timeoutMs,
  elapsedMs,
  signal,
}: PosterOptions): Poster {
  const { Agent, request } = url.protocol === 'https:' ? https : http
  const agent = new Agent({ keepAlive: true, maxSockets: connections })

  const exchange = (body: Buffer, headers: Readonly<Record<string, string>>, spreadMs: number) =>
    new Promise<Omit<Answer, 'durationMs'>>((resolve, reject) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      const options = {
        method: 'POST',
        agent,
        signal: limit,
        headers: { ...headers, 'content-length': body.length },
      }
      const outgoing = request(url, options, (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          if (text.length < MAX_ANSWER_TEXT) text += part
        })
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: text.slice(0, MAX_ANSWER_TEXT) }),
        )
        answer.on('error', reject)
      })
      outgoing.on('error', reject)
      if (spreadMs === 0) outgoing.end(body)
      else void writeSlowly(outgoing, body, { spreadMs, signal: limit })
    })

  return {
    async post(body, headers, spreadMs = 0) {
      const startedAt = elapsedMs()
      const answer = await exchange(body, headers, spreadMs).catch((error: unknown) => ({
        status: reasonOf(error, signal),
        text: '',
      }))
      return { ...answer, durationMs: elapsedMs() - startedAt }
    },
    close: () => agent.destroy(),
  }
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

function reasonOf(error: unknown, stopped: AbortSignal): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    return stopped.aborted ? 'stopped' : 'timeout'
  }
  const [first] = error instanceof AggregateError ? error.errors : [error]
  return String((first as NodeJS.ErrnoException).code ?? 'unknown error')
}
