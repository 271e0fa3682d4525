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
  connections: 1_000,
  requestsPerConnection: 1_000,
}
