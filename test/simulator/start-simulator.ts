import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { StatusJson } from '../../src/simulator/control/status.ts'
import {
  createSimulatorServer,
  type SimulatorServerOptions,
} from '../../src/simulator/create-simulator-server.ts'
import { createRandom } from '../../src/simulator/samples/sample-events.ts'
import type { AttemptJson } from '../../src/simulator/sending/senders.ts'
import { createVirtualClock } from '../../src/simulator/sending/virtual-clock.ts'
import { Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts'
import { onTestFinished } from '../on-test-finished.ts'

export const START = Date.UTC(2026, 0, 1)
export const TOKEN = 'test-token'

type Options = Partial<SimulatorOptions> &
  Partial<SimulatorServerOptions['mailtrap']> & { speed?: number }

/** Both providers on a free port; their clock stands until it is set ahead. */
export async function startSimulator(options: Options = {}) {
  const records: AttemptJson[] = []
  const elapsedMs = options.elapsedMs ?? (() => performance.now())
  let ids = 0
  const simulator = new Simulator({
    clock: createVirtualClock({ startsAt: START, speed: options.speed ?? 0, elapsedMs }),
    random: createRandom(1),
    randomHex: (digits) => String(++ids).padStart(digits, 'a0'),
    retries: 'steady',
    whenPaused: 'keep',
    generate: undefined,
    timeoutMs: 60_000,
    faults: {},
    now: Date.now,
    elapsedMs,
    onAttempt: (record) => records.push(record),
    ...options,
  })
  const token = 'token' in options ? options.token : TOKEN
  const { account, tokenEndsAt, now = Date.now } = options
  const server = createSimulatorServer(simulator, {
    mailtrap: { token, account, tokenEndsAt, elapsedMs, now },
    mailingapi: { token },
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await server.close()
    await simulator.stop()
  })

  const call = async (method: string, path: string, body?: unknown, headers = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === '' ? undefined : JSON.parse(text),
    }
  }
  const postEvents = async (events: readonly object[], provider = 'mailtrap') => {
    const body = events.map((event) => `${JSON.stringify(event)}\n`).join('')
    const answer = await fetch(`${url}/simulator/events?provider=${provider}`, {
      method: 'POST',
      body,
    })
    return { status: answer.status, body: await answer.json() }
  }
  const status = async (): Promise<StatusJson> => (await call('GET', '/simulator/status')).body
  return { simulator, url, call, postEvents, status, records }
}

export interface SeenRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

/** An endpoint that keeps what it gets and answers as told; `0` breaks the connection. */
export async function startEndpoint(answer: (request: SeenRequest) => number = () => 200) {
  const requests: SeenRequest[] = []
  const server = createServer(async (request, response) => {
    const { url: path = '', headers, rawHeaders } = request
    const seen = { path, headers, rawHeaders, body: await buffer(request) }
    requests.push(seen)
    const status = answer(seen)
    if (status === 0) response.destroy()
    else response.writeHead(status).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { requests, url: `http://127.0.0.1:${port}/hook`, port }
}

/** What a `POST` to Mailtrap's management API holds. */
export function newWebhook(url: string, changes: object = {}) {
  const webhook = {
    url,
    webhook_type: 'email_sending',
    sending_stream: 'transactional',
    event_types: ['delivery', 'open', 'bounce', 'soft_bounce'],
    ...changes,
  }
  return { webhook }
}

/** A sending event that such a webhook wants. */
export function makeEvent(id: number, changes: object = {}) {
  return {
    event: 'delivery',
    event_id: `id-${id}`,
    timestamp: 1_767_225_600,
    email: 'user1@example.com',
    sending_stream: 'transactional',
    ...changes,
  }
}
