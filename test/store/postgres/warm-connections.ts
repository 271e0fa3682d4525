import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SOCKET = '.s.PGSQL.5432'
/** How the server says that it is ready for a statement, outside of any transaction. */
const READY = Buffer.from('Z\0\0\0\x05I')
/** How a client says that it leaves. */
const TERMINATE = Buffer.from('X\0\0\0\x04')
const DISCARD = Buffer.from('Q\0\0\0\x0dROLLBACK\0Q\0\0\0\x10DISCARD ALL\0')
const DISCARDED = Buffer.from('DISCARD ALL\0')

/** A connection to the server, with whoever has it at the moment. */
interface Connection {
  readonly socket: Socket
  /** What the server said when it was opened. */
  greeting: Buffer
  onData: (chunk: Buffer) => void
  onClose: () => void
}

export interface WarmConnections {
  /** The folder of their socket. */
  readonly home: string
  close(): void
}

const endsWith = (bytes: Buffer, end: Buffer) => bytes.subarray(-end.length).equals(end)

/**
 * Stands before the server whose socket is in this folder, and hands its connections on from one client to
 * the next that begins in the same way. Each is a process of the server's, which takes 40 ms of processor
 * time to begin and to end, and reads its catalogue anew, where what a test asks of it takes 10.
 * What a session had is discarded before another gets it.
 */
export async function keepWarm(serverHome: string): Promise<WarmConnections> {
  const home = mkdtempSync(join(tmpdir(), 'receiver-warm-'))
  const sockets = new Set<Socket>()
  const idle = new Map<string, Set<Connection>>()

  function hold(socket: Socket): void {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }

  /** Tells of it once the server has said all that it says at first. */
  function open(startup: Buffer, client: Socket, onOpen: (connection: Connection) => void): void {
    const socket = connect(join(serverHome, SOCKET))
    const connection: Connection = {
      socket,
      greeting: Buffer.alloc(0),
      onData(chunk) {
        connection.greeting = Buffer.concat([connection.greeting, chunk])
        if (endsWith(connection.greeting, READY)) onOpen(connection)
      },
      // It was refused.
      onClose: () => client.end(connection.greeting),
    }
    hold(socket)
    socket.on('data', (chunk) => connection.onData(chunk)).on('close', () => connection.onClose())
    socket.write(startup)
  }

  function serve(client: Socket, connection: Connection, kin: Set<Connection>): void {
    const { socket } = connection
    connection.onData = (chunk) => void client.write(chunk)
    connection.onClose = () => client.end()
    client.on('data', (chunk: Buffer) => {
      const isLeaving = endsWith(chunk, TERMINATE)
      socket.write(isLeaving ? chunk.subarray(0, -TERMINATE.length) : chunk)
      if (isLeaving) leave(client, connection, kin)
    })
    client.on('close', () => leave(client, connection, kin))
    if (client.destroyed) leave(client, connection, kin)
    else client.write(connection.greeting)
  }

  function leave(client: Socket, connection: Connection, kin: Set<Connection>): void {
    let said = Buffer.alloc(0)
    client.removeAllListeners('data').removeAllListeners('close')
    connection.socket.write(DISCARD)
    // Whatever is asked before that is answered before.
    connection.onData = (chunk) => {
      said = Buffer.concat([said, chunk])
      if (!said.includes(DISCARDED) || !endsWith(said, READY)) return
      rest(connection, kin)
      client.end()
    }
  }

  function rest(connection: Connection, kin: Set<Connection>): void {
    kin.add(connection)
    // All that the server may have to say is that it ends.
    connection.onData = () => connection.socket.destroy()
    connection.onClose = () => kin.delete(connection)
  }

  const server = createServer((client) => {
    hold(client)
    client.once('data', (startup: Buffer) => {
      const key = startup.toString('latin1')
      const kin = idle.get(key) ?? new Set()
      idle.set(key, kin)
      const [known] = kin
      if (!known) return open(startup, client, (fresh) => serve(client, fresh, kin))
      kin.delete(known)
      serve(client, known, kin)
    })
  }).listen(join(home, SOCKET))
  await once(server, 'listening')

  return {
    home,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
