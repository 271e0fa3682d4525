import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Listens on exactly one address; Fastify's own `listen` opens a second server for `localhost`,
 * which has none of our limits. Answers a URL that works from this machine.
 */
export async function listen(
  app: FastifyInstance,
  { host, port, tls }: { host: string; port: number; tls?: unknown },
): Promise<{ url: string; port: number }> {
  await app.ready()
  app.server.listen({ host, port })
  await once(app.server, 'listening')
  const bound = app.server.address() as AddressInfo
  const scheme = tls === undefined ? 'http' : 'https'
  return { url: `${scheme}://${reachable(bound.address)}:${bound.port}`, port: bound.port }
}

function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return address.includes(':') ? `[${address}]` : address
}
