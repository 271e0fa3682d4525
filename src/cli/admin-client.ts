import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import ndjson from 'ndjson'
import type { WorkProgress } from '../admin/answer-long-work.ts'
import { CommandFailure, wrongUse } from './command.ts'

export type Query = Readonly<Record<string, string | number | undefined>>

export type AdminClient = ReturnType<typeof createAdminClient>

/** The receiver itself gives up a question after 30 s. */
const READ_TIMEOUT_MS = 35_000
/** Work that goes on tells of its progress five times a second. */
const SILENCE_MS = 60_000

/** The admin API of a running receiver. Every call rejects with a CommandFailure. */
export function createAdminClient({
  url,
  password,
  stopped,
}: {
  /** For example `http://127.0.0.1:3001`. */
  readonly url: string
  readonly password?: string | undefined
  readonly stopped: AbortSignal
}) {
  const base = url.replace(/\/+$/, '')
  const headers: Record<string, string> =
    password === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` }

  /** `read` takes what was wanted from an answer that is no refusal. */
  const ask = async <Answer>(
    path: string,
    request: RequestInit & { readonly signal: AbortSignal },
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> => {
    const signal = AbortSignal.any([stopped, request.signal])
    try {
      const response = await fetch(`${base}${path}`, { ...request, signal, redirect: 'manual' })
      if (response.ok) return await read(response)
      throw explainRefusal(base, response.status, parse(await response.text()) ?? {})
    } catch (error) {
      throw error instanceof CommandFailure
        ? error
        : explainSilence(base, error, request.method === 'POST')
    }
  }
  const read = () => ({ headers, signal: AbortSignal.timeout(READ_TIMEOUT_MS) })

  return {
    get: <Answer>(path: string, query: Query = {}) =>
      ask(withQuery(path, query), read(), async (response) => {
        const answer = parse(await response.text())
        if (answer === undefined) throw noAdminApi(base)
        return answer as Answer
      }),
    getBytes: (path: string) =>
      ask(path, read(), async (response) => new Uint8Array(await response.arrayBuffer())),
    /** Has something done that may take long; tells of its progress. */
    async work<Answer>(
      path: string,
      body: Readonly<Record<string, unknown>>,
      onProgress: (progress: WorkProgress) => void = () => {},
    ) {
      const silence = new AbortController()
      const timer = setTimeout(
        () => silence.abort(new DOMException('', 'TimeoutError')),
        SILENCE_MS,
      )
      const request = {
        method: 'POST',
        headers: {
          ...headers,
          accept: 'application/x-ndjson',
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
        signal: silence.signal,
      }
      const readLines = (response: Response) =>
        readLastLine(response, ({ progress }) => {
          timer.refresh()
          if (progress) onProgress(progress)
        })
      const last = await ask(path, request, readLines).finally(() => clearTimeout(timer))
      if (!last || last.progress) throw noAdminApi(base)
      if (last.error !== undefined) throw explainRefusal(base, 200, last)
      return last as Answer
    },
  }
}

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  return parameters.size === 0 ? path : `${path}?${parameters}`
}

function noAdminApi(base: string, status = ''): CommandFailure {
  return new CommandFailure(`What answers at ${base}${status} is no admin API. Check --admin-url.`)
}

function explainSilence(base: string, error: unknown, isWrite: boolean): CommandFailure {
  const name = error instanceof Error ? error.name : ''
  if (isWrite && ['AbortError', 'TimeoutError'].includes(name)) {
    return new CommandFailure(
      'The receiver had not answered yet. It goes on with what it was asked to do: mailtrap-receiver stats shows how far it came, its log when it has ended.',
    )
  }
  if (name === 'AbortError') return new CommandFailure('Stopped before the receiver answered.')
  if (name === 'TimeoutError') {
    return new CommandFailure(
      `The admin API at ${base} did not answer in time. Is the receiver overloaded, or is this another service?`,
    )
  }
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : ''
  return new CommandFailure(
    `No admin API answers at ${base}${code}. Is the receiver running? Start it with mailtrap-receiver serve, or say where it is with --admin-url.`,
    { cause: error },
  )
}

function explainRefusal(base: string, status: number, problem: Problem): CommandFailure {
  if (status === 401) {
    return new CommandFailure(
      `The admin API at ${base} asks for its password, or the one given is wrong. Set ADMIN_PASSWORD, or give --password-file.`,
    )
  }
  const { error, message, problems } = problem
  if (error === 'invalid_parameters' && Array.isArray(problems)) {
    return wrongUse(problems.map(nameOption).join(' '))
  }
  // What the API has at an address, the command line has as a command of the same name.
  const address = /GET \/api\/(?=quarantine |events |handlers )/
  if (typeof message === 'string') {
    return new CommandFailure(message.replace(address, 'mailtrap-receiver '))
  }
  return noAdminApi(base, `, with ${status},`)
}

type Problem = Readonly<Record<string, unknown>>

/** Undefined: it is no JSON. */
function parse(text: string): Problem | undefined {
  try {
    return Object(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** `message_id must …` is about the option `--message-id`. */
function nameOption(problem: unknown): string {
  return String(problem).replace(/^[a-z_]+(?= must )/, (name) => `--${name.replaceAll('_', '-')}`)
}

/** A line of an answer that tells of progress; the last one is the answer itself. */
interface Line extends Problem {
  readonly progress?: WorkProgress
}

async function readLastLine(
  response: Response,
  onLine: (line: Line) => void,
): Promise<Line | undefined> {
  const body = response.body ?? new Blob([]).stream()
  const lines = Readable.fromWeb(body as ReadableStream).pipe(ndjson.parse({ strict: false }))
  let last: Line | undefined
  for await (const line of lines as AsyncIterable<Line>) {
    onLine(line)
    last = line
  }
  return last
}
