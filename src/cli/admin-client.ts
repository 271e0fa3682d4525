import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import ndjson from 'ndjson'
import type { WorkProgress } from '../admin/answer-long-work.ts'
import { CommandFailure, EXIT_CODES } from './command.ts'

export type Query = Readonly<Record<string, string | number | undefined>>

/** The admin API of a running receiver. Every call rejects with a CommandFailure. */
export interface AdminClient {
  get<Answer>(path: string, query?: Query): Promise<Answer>
  getBytes(path: string): Promise<Uint8Array>
  /** Has something done that may take long; tells of its progress. */
  work<Answer>(
    path: string,
    body: Readonly<Record<string, unknown>>,
    onProgress?: (progress: WorkProgress) => void,
  ): Promise<Answer>
}

interface AdminClientOptions {
  /** For example `http://127.0.0.1:3001`. */
  readonly url: string
  readonly password?: string | undefined
  readonly stopped?: AbortSignal
}

/** The receiver itself gives up a question after 30 s. */
const READ_TIMEOUT_MS = 35_000
/** Work that goes on tells of its progress five times a second. */
const SILENCE_MS = 60_000

export function createAdminClient({ url, password, stopped }: AdminClientOptions): AdminClient {
  const base = url.replace(/\/+$/, '')
  const headers: Record<string, string> =
    password === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` }

  const send = async (path: string, request: RequestInit, read: ReadAnswer) => {
    const answer = await fetch(`${base}${path}`, { ...request, redirect: 'manual' })
      .then(async (response) => (response.ok ? await read(response) : await readWhole(response)))
      .catch((error: unknown) => {
        throw explainSilence(base, error, request.method === 'POST')
      })
    if (!answer.ok) throw explainRefusal(base, answer)
    return answer
  }
  const read = async (path: string) => {
    const timeout = AbortSignal.timeout(READ_TIMEOUT_MS)
    const signal = stopped ? AbortSignal.any([stopped, timeout]) : timeout
    return (await send(path, { headers, signal }, readWhole)).body
  }

  return {
    get: async <Answer>(path: string, query: Query = {}) =>
      parse<Answer>(base, await read(withQuery(path, query))),
    getBytes: read,
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
      const request: RequestInit = {
        method: 'POST',
        headers: {
          ...headers,
          accept: 'application/x-ndjson',
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
        signal: stopped ? AbortSignal.any([stopped, silence.signal]) : silence.signal,
      }
      try {
        const last = await send(path, request, (response) =>
          readLastLine(response, ({ progress }) => {
            timer.refresh()
            if (progress) onProgress(progress)
          }),
        )
        const answer = parse<Answer & { readonly error?: string }>(base, last.body)
        if (answer.error === undefined) return answer
        throw explainRefusal(base, { ...last, ok: false })
      } finally {
        clearTimeout(timer)
      }
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

type ReadAnswer = (response: Response) => Promise<Answered>

function parse<Answer>(base: string, body: Buffer): Answer {
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    throw new CommandFailure(`What answers at ${base} is no admin API. Check --admin-url.`, {
      cause: error,
    })
  }
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
  const code = errorCode(error)
  return new CommandFailure(
    `No admin API answers at ${base}${code ? ` (${code})` : ''}. Is the receiver running? Start it with mailtrap-receiver serve, or say where it is with --admin-url.`,
    { cause: error },
  )
}

function errorCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
}

function explainRefusal(base: string, { status, body }: Answered): CommandFailure {
  if (status === 401) {
    return new CommandFailure(
      `The admin API at ${base} asks for its password, or the one given is wrong. Set ADMIN_PASSWORD, or give --password-file.`,
    )
  }
  const { error, message, problems } = readProblem(body)
  if (error === 'invalid_parameters' && Array.isArray(problems)) {
    const text = problems.map(nameOption).join(' ')
    return new CommandFailure(text, { exitCode: EXIT_CODES.usage })
  }
  return new CommandFailure(
    typeof message === 'string'
      ? nameCommand(message)
      : `What answers at ${base}, with ${status}, is no admin API. Check --admin-url.`,
  )
}

function readProblem(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(body.toString()))
  } catch {
    return {}
  }
}

/** What the API has at an address, the command line has as a command of the same name. */
function nameCommand(message: string): string {
  return message.replace(/GET \/api\/(?=quarantine |events |handlers )/, 'mailtrap-receiver ')
}

/** `message_id must …` is about the option `--message-id`. */
function nameOption(problem: unknown): string {
  return String(problem).replace(/^[a-z_]+(?= must )/, (name) => `--${name.replaceAll('_', '-')}`)
}

interface Answered {
  readonly status: number
  readonly ok: boolean
  readonly body: Buffer
}

async function readWhole(answer: Response): Promise<Answered> {
  const { status, ok } = answer
  return { status, ok, body: Buffer.from(await answer.arrayBuffer()) }
}

/** A line of an answer that tells of progress; the last one is the answer itself. */
interface Line {
  readonly progress?: WorkProgress
}

async function readLastLine(answer: Response, onLine: (line: Line) => void): Promise<Answered> {
  const { status, ok } = answer
  const body = answer.body ?? new Blob([]).stream()
  const lines = Readable.fromWeb(body as ReadableStream).pipe(ndjson.parse({ strict: false }))
  let last: Line | undefined
  for await (const line of lines as AsyncIterable<Line>) {
    onLine(line)
    last = line
  }
  return { status, ok, body: Buffer.from(last && !last.progress ? JSON.stringify(last) : '') }
}
