import { CommandFailure } from '../command-failure.ts'

export type Query = Readonly<Record<string, string | number | undefined>>

/** The admin API of a running receiver. Every call rejects with a CommandFailure. */
export interface AdminClient {
  get<Answer>(path: string, query?: Query): Promise<Answer>
  getBytes(path: string): Promise<Uint8Array>
  post<Answer>(path: string, body: Readonly<Record<string, unknown>>): Promise<Answer>
}

export interface AdminClientOptions {
  /** For example `http://127.0.0.1:3001`. */
  readonly url: string
  readonly password?: string | undefined
  readonly stopped?: AbortSignal
}

/** The receiver itself gives up a question after 30 s. */
const READ_TIMEOUT_MS = 35_000
/** A replay makes some 7,000 jobs pending a second; after 300 s fetch gives up by itself. */
const WRITE_TIMEOUT_MS = 290_000

export function createAdminClient({ url, password, stopped }: AdminClientOptions): AdminClient {
  const base = url.replace(/\/+$/, '')
  const headers: Record<string, string> =
    password === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` }

  const call = async (path: string, timeoutMs: number, request: RequestInit) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = stopped ? AbortSignal.any([stopped, timeout]) : timeout
    const answer = await fetch(`${base}${path}`, { ...request, redirect: 'manual', signal })
      .then(readWhole)
      .catch((error: unknown) => {
        throw explainSilence(base, error, request.method === 'POST')
      })
    if (!answer.ok) throw explainRefusal(base, answer)
    return answer.body
  }
  const read = (path: string) => call(path, READ_TIMEOUT_MS, { headers })
  const write = (path: string, body: unknown) =>
    call(path, WRITE_TIMEOUT_MS, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  return {
    get: async <Answer>(path: string, query: Query = {}) =>
      parse<Answer>(base, await read(withQuery(path, query))),
    getBytes: read,
    post: async <Answer>(path: string, body: Readonly<Record<string, unknown>>) =>
      parse<Answer>(base, await write(path, body)),
  }
}

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  return parameters.size === 0 ? path : `${path}?${parameters}`
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
  return new CommandFailure(
    explanationIn(body.toString()) ??
      `What answers at ${base}, with ${status}, is no admin API. Check --admin-url.`,
  )
}

function explanationIn(text: string): string | undefined {
  try {
    const { message, problems } = JSON.parse(text)
    if (Array.isArray(problems)) return problems.join(' ')
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}
