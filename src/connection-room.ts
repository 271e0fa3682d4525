import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** The open connections of a server. */
export interface ConnectionRoom {
  /** More than the limit, and every one of them waits for us. */
  isFull(): boolean
  /** Ends all, those in a TLS handshake too, which the server itself does not know yet. */
  destroyAll(): void
}

/**
 * Makes room for a new connection by ending the one whose client has kept us waiting longest, for a request
 * or for the rest of one, so that silent and slow clients, however many, keep nobody out.
 */
export function createConnectionRoom(server: Server, limit: number): ConnectionRoom {
  const open = new Map<string, Socket>()
  const awaited = new Map<string, Socket>()

  const forget = (peer: string, socket: Socket) => {
    if (open.get(peer) !== socket) return
    open.delete(peer)
    awaited.delete(peer)
  }
  const endLongestAwaited = () => {
    for (const [peer, socket] of awaited) {
      forget(peer, socket)
      socket.destroy()
      return
    }
  }
  const awaitFromNow = (peer: string) => {
    const socket = open.get(peer)
    awaited.delete(peer)
    if (socket !== undefined) awaited.set(peer, socket)
  }
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    open.set(peer, socket)
    if (open.size > limit) endLongestAwaited()
    awaitFromNow(peer)
    socket.once('close', () => forget(peer, socket))
  })
  server.on('request', (request, response) => {
    const peer = peerOf(request.socket)
    awaitFromNow(peer)
    request.once('end', () => {
      // What nobody read ends after its answer.
      if (!response.writableEnded) awaited.delete(peer)
    })
    response.once('close', () => awaitFromNow(peer))
  })
  return {
    isFull: () => open.size > limit,
    destroyAll: () => {
      for (const socket of open.values()) socket.destroy()
    },
  }
}

/** Under TLS a request's socket is another object than the connection's, but with the same peer. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
