import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** The open connections of a server. */
export interface ConnectionRoom {
  /** More than the limit, and every one of them busy. */
  isFull(): boolean
  /** Ends all, those in a TLS handshake too, which the server itself does not know yet. */
  destroyAll(): void
}

/**
 * Makes room for a new connection by ending the one that has gone longest without a request, so
 * that silent connections, however many, keep nobody out.
 */
export function createConnectionRoom(server: Server, limit: number): ConnectionRoom {
  const open = new Map<string, Socket>()
  const idle = new Map<string, Socket>()

  const forget = (peer: string, socket: Socket) => {
    if (open.get(peer) !== socket) return
    open.delete(peer)
    idle.delete(peer)
  }
  const endLongestIdle = () => {
    for (const [peer, socket] of idle) {
      forget(peer, socket)
      socket.destroy()
      return
    }
  }
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    open.set(peer, socket)
    if (open.size > limit) endLongestIdle()
    idle.set(peer, socket)
    socket.once('close', () => forget(peer, socket))
  })
  server.on('request', (request, response) => {
    const peer = peerOf(request.socket)
    idle.delete(peer)
    response.once('close', () => {
      const socket = open.get(peer)
      if (socket !== undefined) idle.set(peer, socket)
    })
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
