import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const SOCKET = '.s.PGSQL.5432'

/** A way to a database that can be cut. */
export interface DatabaseProxy {
  readonly url: string
  /** Ends every connection, and refuses new ones. */
  cut(): Promise<void>
  mend(): Promise<void>
}

/** `url` names the folder of the server's socket, as those of the test server do. */
export async function startDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-proxy-'))
  const home = url.slice(url.indexOf('?host=') + '?host='.length)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const database = connect(join(home, SOCKET))
    for (const [one, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })

  const mend = () => new Promise<void>((resolve) => server.listen(join(folder, SOCKET), resolve))
  async function cut(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }

  await mend()
  onTestFinished(async () => {
    if (server.listening) await cut()
    rmSync(folder, { recursive: true, force: true })
  })
  return { url: url.replace(home, folder), cut, mend }
}
