import { once } from 'node:events'
import { createServer } from 'node:net'

/** 0 means: any free one. */
export interface DemoPorts {
  readonly port: number
  readonly adminPort: number
}

export const ANY_PORTS: DemoPorts = { port: 0, adminPort: 0 }

/** The usual ports, where they are free. Another process may still take them before us. */
export async function chooseDemoPorts(): Promise<DemoPorts> {
  const [port, adminPort] = await Promise.all([chooseFreePort(3000), chooseFreePort(3001)])
  return { port, adminPort }
}

/** Whether a start failed because somebody listens on the port. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

async function chooseFreePort(wanted: number): Promise<number> {
  const server = createServer()
  try {
    server.listen(wanted, '127.0.0.1')
    await once(server, 'listening')
    return wanted
  } catch {
    return 0
  } finally {
    server.close()
  }
}
