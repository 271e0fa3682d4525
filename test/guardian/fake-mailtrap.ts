import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'

export const TOKEN = 'token-of-the-tests'
const PATHS = /^\/api(?:\/accounts\/4711)?\/webhooks(?:\/(\d+))?$/

export interface FakeWebhook {
  id: number
  url: string
  active: boolean
  webhook_type: string
  payload_format: string
  event_types?: string[]
}

interface FakeAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Record<string, string>
}

/** Mailtrap's management API as documented, as far as the guardian uses it. */
export interface FakeMailtrap {
  readonly url: string
  readonly webhooks: FakeWebhook[]
  /** `GET /api/webhooks` and the like, in order. */
  readonly calls: string[]
  /** Until it is undefined again, every call is answered so; `hang`: never. */
  answer: FakeAnswer | 'hang' | undefined
  /** Sends a batch, and again after each refusal, 40 times; `between` runs before each of these. */
  deliver(body: string, between: (retry: number) => void | Promise<void>): Promise<number>
}

export function webhook(changes: Partial<FakeWebhook> = {}): FakeWebhook {
  return {
    id: 9001,
    url: 'https://hooks.example.com/webhooks/mailtrap',
    active: true,
    webhook_type: 'email_sending',
    payload_format: 'json',
    event_types: ['delivery', 'bounce'],
    ...changes,
  }
}

export async function startFakeMailtrap(webhooks: FakeWebhook[] = []): Promise<FakeMailtrap> {
  const calls: string[] = []
  const fake: Omit<FakeMailtrap, 'url'> = { webhooks, calls, answer: undefined, deliver }

  async function respond(request: IncomingMessage): Promise<FakeAnswer | undefined> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    calls.push(`${request.method} ${request.url}`)
    if (fake.answer === 'hang') return undefined
    if (fake.answer !== undefined) return fake.answer
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      return { status: 401, body: { error: 'Incorrect API token' } }
    }
    const [path, id] = PATHS.exec(request.url ?? '') ?? []
    if (path === undefined) return { status: 404, body: { error: 'Not Found' } }
    if (request.method === 'GET') return { status: 200, body: { data: webhooks } }
    const found = webhooks.find((one) => one.id === Number(id))
    if (request.method !== 'PATCH' || !found) return { status: 404, body: { error: 'Not Found' } }
    Object.assign(found, JSON.parse(Buffer.concat(chunks).toString()).webhook)
    return { status: 200, body: { data: found } }
  }

  async function deliver(body: string, between: (retry: number) => void | Promise<void>) {
    const [target] = webhooks
    if (target === undefined || !target.active) return 0
    const { port } = new URL(target.url)
    for (let retry = 0; retry <= 40; retry++) {
      if (retry > 0) await between(retry)
      const answer = await sendSigned(Number(port), body).catch(() => undefined)
      if (answer?.status === 200) return retry
    }
    target.active = false
    return -1
  }

  const server = createServer((request, reply) => {
    void respond(request).then((answer) => {
      if (answer === undefined) return
      const headers = { 'content-type': 'application/json', ...answer.headers }
      reply.writeHead(answer.status, headers).end(JSON.stringify(answer.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return Object.assign(fake, { url: `http://127.0.0.1:${port}` })
}
