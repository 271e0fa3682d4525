import http, { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from '../../on-test-finished.ts'

export interface ProxyFaults {
  /** Serves HTTPS with these, PEM. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Answers every request so, and passes none on. */
  readonly answer?: { status: number; headers?: Record<string, string>; text?: string }
  /** Larger bodies are answered 413. */
  readonly maxBytes?: number
  /** Cuts the connection in place of the 413. */
  readonly cuts?: boolean
  /** Headers of a request that are not passed on, in lower case. */
  readonly strips?: readonly string[]
  /** Headers added to a request. */
  readonly adds?: (request: IncomingMessage) => Record<string, string>
  /** Changes the headers of an answer. */
  readonly answers?: (headers: http.IncomingHttpHeaders) => http.OutgoingHttpHeaders
  /** Changes the path. */
  readonly path?: (path: string) => string
}

/** A load balancer with faults, before a receiver on 127.0.0.1. Answers its port. */
export async function startProxy(target: number, faults: ProxyFaults = {}): Promise<number> {
  const { tls } = faults
  const pass: RequestListener = (request, reply) => void forward(request, reply, target, faults)
  const server = tls ? createTlsServer(tls, pass) : createServer(pass)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function forward(
  request: IncomingMessage,
  reply: http.ServerResponse,
  target: number,
  faults: ProxyFaults,
): Promise<void> {
  const { answer, maxBytes = Number.POSITIVE_INFINITY, strips = [], adds, answers } = faults
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    if (faults.cuts) request.socket.destroy()
    else reply.writeHead(413).end('<html>413 Request Entity Too Large</html>')
    return
  }
  if (answer) {
    request
      .resume()
      .on('end', () => reply.writeHead(answer.status, answer.headers).end(answer.text))
    return
  }
  const kept = Object.entries(request.headers).filter(([name]) => !strips.includes(name))
  const { url = '/', method } = request
  const onward = http.request(
    {
      host: '127.0.0.1',
      port: target,
      method,
      path: faults.path?.(url) ?? url,
      headers: { ...Object.fromEntries(kept), ...adds?.(request) },
    },
    (back) => {
      reply.writeHead(back.statusCode ?? 502, answers?.(back.headers) ?? back.headers)
      back.pipe(reply)
    },
  )
  onward.on('error', () => reply.destroy())
  request.pipe(onward)
}
