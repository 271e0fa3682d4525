import { once } from 'node:events'
import { type AddressInfo, createServer, isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Where a server listens. */
export interface Listening {
  /** Works from this machine. */
  readonly url: string
  readonly port: number
  /** Ends what listens beside the server itself, once its connections have ended. */
  closeBeside(): Promise<void>
}

/**
 * Listens on one address, for `localhost` on those of both families. Fastify's own `listen` opens a second
 * server for that, which has none of our limits: here the second one hands its connections to the first.
 */
export async function listen(
  app: FastifyInstance,
  { host, port, tls }: { host: string; port: number; tls?: unknown },
): Promise<Listening> {
  await app.ready()
  app.server.listen({ host, port })
  await once(app.server, 'listening')
  const bound = app.server.address() as AddressInfo
  const twin = host === 'localhost' ? await listenBeside(app, bound, port === 0) : undefined
  const scheme = tls === undefined ? 'http' : 'https'
  return {
    url: `${scheme}://${reachable(bound.address)}:${bound.port}`,
    port: bound.port,
    closeBeside: async () => {
      if (twin) await new Promise((resolve) => twin.close(resolve))
    },
  }
}

/** A machine may have one family only; a port that was taken by chance may be another's there. */
async function listenBeside(app: FastifyInstance, bound: AddressInfo, isAnyPort: boolean) {
  const twin = createServer((socket) => app.server.emit('connection', socket))
  const missing = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', ...(isAnyPort ? ['EADDRINUSE'] : [])]
  twin.listen({ host: isIP(bound.address) === 6 ? '127.0.0.1' : '::1', port: bound.port })
  try {
    await once(twin, 'listening')
    return twin
  } catch (error) {
    if (!missing.includes(String((error as NodeJS.ErrnoException).code))) throw error
    return undefined
  }
}

function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return address.includes(':') ? `[${address}]` : address
}
