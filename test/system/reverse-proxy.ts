import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from '../on-test-finished.ts'
import { sendRequest } from '../receive/send-request.ts'

const PROBE_EVERY_MS = 500

/** A load balancer as nginx is one: it keeps connections, and never sends a POST a second time. */
export interface ReverseProxy {
  readonly url: string
  /** Sends requests there as long as it is ready. Resolves once it is. */
  add(upstreamUrl: string): Promise<void>
  /** What went wrong on the way to a receiver. */
  readonly failures: readonly string[]
}

interface Upstream {
  readonly port: number
  isReady: boolean
}

export async function startReverseProxy(): Promise<ReverseProxy> {
  const agent = new Agent({ keepAlive: true })
  const failures: string[] = []
  const upstreams: Upstream[] = []
  let turn = 0

  async function probe(upstream: Upstream): Promise<void> {
    const sent = { method: 'GET', path: '/readyz' }
    const answer = await sendRequest(upstream.port, sent).catch(() => undefined)
    upstream.isReady = answer?.status === 200
    if (!answer) upstreams.splice(upstreams.indexOf(upstream), 1)
  }

  async function forward(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of asked) chunks.push(chunk)
    const ready = upstreams.filter(({ isReady }) => isReady)
    const upstream = ready[turn++ % ready.length]
    const sent = request({
      host: '127.0.0.1',
      port: upstream?.port ?? 0,
      agent,
      method: asked.method,
      path: asked.url,
      headers: { ...asked.headers, connection: 'keep-alive' },
    })
    sent.on('error', (error) => {
      failures.push(`${error.message}, on a ${sent.reusedSocket ? 'kept' : 'new'} connection`)
      answer.writeHead(502).end()
    })
    sent.on('response', (response) => {
      const { connection, ...headers } = response.headers
      answer.writeHead(response.statusCode ?? 502, headers)
      response.pipe(answer)
    })
    sent.end(Buffer.concat(chunks))
  }

  const server = createServer((asked, answer) => void forward(asked, answer))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const probing = setInterval(() => void Promise.all(upstreams.map(probe)), PROBE_EVERY_MS)
  onTestFinished(() => {
    clearInterval(probing)
    agent.destroy()
    server.close()
    server.closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failures,
    async add(upstreamUrl) {
      const upstream = { port: Number(new URL(upstreamUrl).port), isReady: false }
      upstreams.push(upstream)
      await probe(upstream)
    },
  }
}
