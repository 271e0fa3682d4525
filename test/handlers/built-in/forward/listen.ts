import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from '../../../on-test-finished.ts'

export interface TakenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The same number for requests that came by one connection. */
  readonly connection: number
}

/** Ends `response`, or does something worse to it. */
export type Answerer = (response: ServerResponse, request: TakenRequest, socket: Socket) => void

export interface TestEndpoint {
  readonly url: string
  readonly requests: TakenRequest[]
}

/** An HTTP endpoint on a free port, until the test has finished. */
export async function listen(
  answer: Answerer = (response) => response.end(),
  tls?: { readonly cert: Buffer; readonly key: Buffer },
): Promise<TestEndpoint> {
  const requests: TakenRequest[] = []
  const connections = new Map<Socket, number>()
  const server = tls ? createTlsServer(tls) : createServer()
  server.keepAliveTimeout = 60_000
  server.on('request', (request, response) => {
    const { socket, method = '', url: path = '', headers } = request
    if (!connections.has(socket)) connections.set(socket, connections.size + 1)
    const connection = connections.get(socket) ?? 0
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const taken = { method, path, headers, body, connection }
      requests.push(taken)
      answer(response, taken, socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}/hooks`
  return { url, requests }
}
