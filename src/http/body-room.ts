import type { IncomingMessage, ServerResponse } from 'node:http'

// Measured: an array entry with a one-byte Buffer takes 480 bytes. Without this a body sent
// in one-byte chunks would take 480 times what it counts.
const CHUNK_OVERHEAD_BYTES = 480

/** One request's share of the room. */
export interface BodyPlace {
  /** Keeps the share until this settles, also when the client has its answer before. */
  holdUntil(settled: Promise<unknown>): void
}

/**
 * Memory for bodies in flight, shared by all requests. Only bytes that have come are counted: a
 * client that promises much and sends nothing takes nothing.
 */
export interface BodyRoom {
  hasPlaceFor(bytes: number): boolean
  /** Counts a request's body as it comes; calls `onFull` once when the room is exceeded. */
  admit(request: IncomingMessage, response: ServerResponse, onFull: () => void): BodyPlace
}

export function createBodyRoom(limitBytes: number): BodyRoom {
  let usedBytes = 0
  return {
    hasPlaceFor: (bytes) => usedBytes + bytes <= limitBytes,
    admit(request, response, onFull) {
      let placeBytes = 0
      let held: Promise<unknown> | undefined
      const count = (chunk: Buffer) => {
        const bytes = chunk.length + CHUNK_OVERHEAD_BYTES
        placeBytes += bytes
        usedBytes += bytes
        if (usedBytes <= limitBytes) return
        request.off('data', count)
        onFull()
      }
      const release = () => {
        usedBytes -= placeBytes
        placeBytes = 0
      }
      const leave = () => {
        if (held === undefined) release()
        else held.then(release, release)
      }
      request.on('data', count)
      // The request closes with the end of its body or with its connection, but not once it has
      // been answered half-read; then the response does.
      request.once('close', leave)
      response.once('close', leave)
      return {
        holdUntil: (settled) => {
          held = settled
        },
      }
    },
  }
}
