import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { onTestFinished } from '../on-test-finished.ts'

const SOCKET = '.s.PGSQL.5432'
/** Longer than anybody waits for an acknowledgement. */
const SLOW_MS = 4_000
/** The tag of a server's reply to it. */
const COMMIT = 'COMMIT\0'

/**
 * What a network may do: end all connections and every new one; keep everything to itself until it
 * is mended; be slow; lose replies to a COMMIT, and then say nothing more, or end the connection.
 */
export type NetworkFault = 'cut' | 'silent' | 'slow' | 'silent at COMMIT' | 'cut at COMMIT'

/** A way to a database, which may be disturbed. */
export interface DatabaseProxy {
  readonly url: string
  disturb(fault: NetworkFault): void
  mend(): void
  /** New connections go there. */
  leadTo(url: string): void
  /** How many replies to a COMMIT were lost. */
  lostCommits(): number
}

/** `url` names the folder of the server's socket, as those of the test servers do. */
export async function startDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const clients = new Set<Socket>()
  let home = folderOf(url)
  let fault: NetworkFault | undefined
  let lostCommits = 0
  let announceMended = () => {}
  let untilMended: Promise<void> = Promise.resolve()

  /** What a network does to a chunk, or to the news that a connection has ended. */
  const pass = () => (fault === 'slow' ? wait(SLOW_MS, undefined, { ref: false }) : untilMended)

  function carry(from: Socket, to: Socket, onChunk: (chunk: Buffer) => 'pass' | 'lose'): void {
    let before: Promise<unknown> = Promise.resolve()
    from.on('data', (chunk) => {
      if (onChunk(chunk) === 'lose') return
      before = Promise.all([before, pass()]).then(() => to.write(chunk))
    })
    from.on('error', () => {})
    from.on('close', () => {
      before = Promise.all([before, pass()]).then(() => to.destroy())
    })
  }

  function lead(client: Socket): void {
    if (fault === 'cut') return void client.on('error', () => {}).resetAndDestroy()
    const database = connect(join(home, SOCKET))
    let isLost = false
    clients.add(client)
    client.on('close', () => clients.delete(client))
    carry(client, database, () => (isLost ? 'lose' : 'pass'))
    carry(database, client, (chunk) => {
      if (fault?.endsWith('at COMMIT') && chunk.includes(COMMIT)) {
        isLost = true
        lostCommits++
        if (fault === 'cut at COMMIT') client.resetAndDestroy()
      }
      return isLost ? 'lose' : 'pass'
    })
  }

  // Else each small answer waits 40 ms for the acknowledgement of the one before.
  const server = createServer({ noDelay: true }, lead).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const proxyUrl = url.replace('@/', `@127.0.0.1:${port}/`).replace(/\?host=.*/, '')

  function cutAll(): void {
    for (const client of clients) client.resetAndDestroy()
  }

  function disturb(next: NetworkFault): void {
    fault = next
    if (fault === 'cut') cutAll()
    if (fault !== 'silent') return
    untilMended = new Promise((resolve) => {
      announceMended = resolve
    })
  }

  function mend(): void {
    fault = undefined
    announceMended()
  }

  onTestFinished(() => {
    mend()
    cutAll()
    server.close()
  })
  return {
    url: proxyUrl,
    disturb,
    mend,
    leadTo(other) {
      home = folderOf(other)
    },
    lostCommits: () => lostCommits,
  }
}

const folderOf = (url: string) => url.slice(url.indexOf('?host=') + '?host='.length)
