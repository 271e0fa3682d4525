import type { IncomingMessage, ServerResponse } from 'node:http'

/** Bounds on time and memory of the public listener. Only tests change them. */
export interface HttpLimits {
  /** From a request's first byte to its last. Default 15,000. */
  readonly requestTimeoutMs: number
  /** From a request's first byte to the end of its headers. Default 10,000. */
  readonly headersTimeoutMs: number
  /** How often the two above are looked at: they may be late by this. Default 2,000. */
  readonly checkIntervalMs: number
  /** How long a connection may idle; longer than load balancers let it. Default 650,000. */
  readonly keepAliveTimeoutMs: number
  /** From the end of the headers to our answer. Default 10,000. */
  readonly answerTimeoutMs: number
  /** How long the journal may take. Default 5,000. */
  readonly journalTimeoutMs: number
  /** How long, and how much, the rest of a refused body is read and thrown away. */
  readonly discardTimeoutMs: number
  readonly discardBytes: number
  /** Memory for bodies between their first byte and the journal's word. Default 64 MiB. */
  readonly bodiesInFlightBytes: number
  /** How long a body may take before it makes way when that memory runs out. Default 1,000. */
  readonly slowBodyMs: number
  /** Default 1,000. */
  readonly connections: number
  /** Default 1,000. */
  readonly requestsPerConnection: number
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  requestTimeoutMs: 15_000,
  headersTimeoutMs: 10_000,
  checkIntervalMs: 2_000,
  keepAliveTimeoutMs: 650_000,
  answerTimeoutMs: 10_000,
  journalTimeoutMs: 5_000,
  discardTimeoutMs: 1_000,
  discardBytes: 512 * 1024,
  bodiesInFlightBytes: 64 * 1024 * 1024,
  slowBodyMs: 1_000,
  connections: 1_000,
  requestsPerConnection: 1_000,
}

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
 * client that promises much and sends nothing takes nothing. Who takes much and sends no more makes way
 * for others after `slowBodyMs`.
 */
export interface BodyRoom {
  hasPlaceFor(bytes: number): boolean
  /** Counts a request's body as it comes; calls `refuse` once when it, or the room, is exceeded. */
  admit(
    request: IncomingMessage,
    response: ServerResponse,
    refuse: (reason: 'too_large' | 'overloaded') => void,
  ): BodyPlace
}

interface BodyRoomParts extends Pick<HttpLimits, 'bodiesInFlightBytes' | 'slowBodyMs'> {
  readonly bodyLimitBytes: number
  /** Milliseconds of a clock that only goes forward. */
  readonly elapsedMs: () => number
}

export function createBodyRoom(limits: BodyRoomParts): BodyRoom {
  let usedBytes = 0
  /** Those that have not come to their end, the oldest first. */
  const coming = new Set<{ readonly beganMs: number; makeWay(): void }>()

  const isFull = (bytes: number): boolean => usedBytes + bytes > limits.bodiesInFlightBytes
  const hasPlaceFor = (bytes: number): boolean => {
    for (const { beganMs, makeWay } of coming) {
      if (!isFull(bytes) || limits.elapsedMs() - beganMs < limits.slowBodyMs) break
      makeWay()
    }
    return !isFull(bytes)
  }
  return {
    hasPlaceFor,
    admit(request, response, refuse) {
      let bodyBytes = 0
      let placeBytes = 0
      let held: Promise<unknown> | undefined
      const end = (reason: 'too_large' | 'overloaded') => {
        coming.delete(body)
        request.off('data', count)
        refuse(reason)
      }
      const release = () => {
        usedBytes -= placeBytes
        placeBytes = 0
      }
      const makeWay = () => {
        release()
        end('overloaded')
        // What has come of it is memory until then.
        request.destroy()
      }
      const body = { beganMs: limits.elapsedMs(), makeWay }
      const count = ({ length }: Buffer) => {
        bodyBytes += length
        placeBytes += length + CHUNK_OVERHEAD_BYTES
        usedBytes += length + CHUNK_OVERHEAD_BYTES
        if (bodyBytes > limits.bodyLimitBytes) end('too_large')
        else if (!hasPlaceFor(0) && coming.has(body)) end('overloaded')
      }
      const leave = () => {
        coming.delete(body)
        if (held === undefined) release()
        else held.then(release, release)
      }
      coming.add(body)
      request.on('data', count)
      request.once('end', () => coming.delete(body))
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
