import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from '../../on-test-finished.ts'

/** Stands between a store and its server, and loses an answer when it is told to. */
export interface LossyProxy {
  /** The same database, through it. */
  readonly url: string
  /**
   * Of the next transaction whose statements hold this text the commit is made, and the connection
   * cut before its answer; `forGood`: there is no other afterwards. Resolves when that has happened.
   */
  loseCommit(text: string, options?: { readonly forGood: boolean }): Promise<void>
}

export async function startLossyProxy(url: string): Promise<LossyProxy> {
  const home = new URL(url.replace('@/', '@host/')).searchParams.get('host') ?? ''
  const folder = mkdtempSync(join(tmpdir(), 'receiver-proxy-'))
  let wanted: { text: string; lost: () => void } | undefined
  const open = new Set<Socket>()

  const server = createServer((client) => {
    const upstream = createConnection(join(home, '.s.PGSQL.5432'))
    let doomed: (() => void) | undefined
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
    client.on('data', (bytes) => {
      if (wanted && bytes.includes(wanted.text)) {
        doomed = wanted.lost
        wanted = undefined
      }
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (!doomed || !bytes.includes('COMMIT\0')) return void client.write(bytes)
      client.destroy()
      upstream.destroy()
      doomed()
    })
  })
  await new Promise<void>((resolve) => server.listen(join(folder, '.s.PGSQL.5432'), resolve))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    url: url.replace(`host=${home}`, `host=${folder}`),
    loseCommit: (text, { forGood } = { forGood: false }) =>
      new Promise((resolve) => {
        const lost = () => {
          if (forGood) server.close()
          resolve()
        }
        wanted = { text, lost }
      }),
  }
}
