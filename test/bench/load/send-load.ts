import { KeepAliveConnection } from './keep-alive-connection.ts'
import { type Percentiles, summarise } from './percentiles.ts'

export const CONNECTIONS = 16

export interface LoadSpec {
  readonly port: number
  /** At most this many requests; the load ends early when all are sent. */
  readonly batches: number
  /** What is answered before is not measured. */
  readonly warmUpMs: number
  /** Without it, all `batches` are sent. */
  readonly measureMs?: number
}

export interface LoadResult {
  /** All 200s, warming up included. */
  readonly acked: number
  readonly ackedPerSecond: number
  /** From the first byte given to the socket to the last byte of the answer. */
  readonly ackMs: Percentiles
  /** How much of one core the load itself took. */
  readonly clientCores: number
}

/** Keeps every connection busy: the next request leaves when the answer is there. */
export async function sendLoad(requests: readonly Buffer[], spec: LoadSpec): Promise<LoadResult> {
  const queue = requests.slice(0, spec.batches)
  const connections = Array.from({ length: CONNECTIONS }, () => new KeepAliveConnection(spec.port))
  await Promise.all(connections.map((connection) => connection.open()))
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const measureFrom = startedAt + spec.warmUpMs
  const measureUntil = measureFrom + (spec.measureMs ?? Number.POSITIVE_INFINITY)
  const samples: { readonly endedAt: number; readonly ms: number }[] = []

  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < measureUntil) {
        const request = queue.pop()
        if (request === undefined) return
        const sentAt = performance.now()
        await connection.post(request)
        const endedAt = performance.now()
        samples.push({ endedAt, ms: endedAt - sentAt })
      }
    }),
  )
  const wallMs = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuBefore)
  for (const connection of connections) connection.close()

  const measured = samples.filter(
    ({ endedAt }) => endedAt >= measureFrom && endedAt <= measureUntil,
  )
  const lastAt = Math.min(measureUntil, samples.at(-1)?.endedAt ?? measureFrom)
  return {
    acked: samples.length,
    ackedPerSecond: (measured.length / (lastAt - measureFrom)) * 1_000,
    ackMs: summarise(measured.map(({ ms }) => ms)),
    clientCores: (cpu.user + cpu.system) / 1_000 / wallMs,
  }
}
