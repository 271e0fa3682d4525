import { setTimeout as pause } from 'node:timers/promises'
import { KeepAliveConnection } from './keep-alive-connection.ts'
import { type Percentiles, summarise } from './percentiles.ts'
import type { Shape } from './sample-batches.ts'

export const CONNECTIONS = 16

export interface LoadSpec {
  readonly port: number
  /** Default: full batches. */
  readonly shape?: Shape
  /** At most this many requests; the load ends early when all are sent. */
  readonly batches: number
  /** How many of those that were rendered are left out, as they were sent before; default 0. */
  readonly from?: number
  /** What is answered before is not measured. */
  readonly warmUpMs: number
  /** Without it, all `batches` are sent. */
  readonly measureMs?: number
  /** Requests leave at this pace, answered or not; without it, as fast as they are answered. */
  readonly perSecond?: number
}

export interface LoadResult {
  /** All 200s, warming up included. */
  readonly acked: number
  readonly ackedPerSecond: number
  /**
   * From the first byte given to the socket to the last byte of the answer; at a pace, from when it
   * was its turn.
   */
  readonly ackMs: Percentiles
  /** How much of one core the load itself took. */
  readonly clientCores: number
}

/** Keeps every connection busy, or sends at a pace: 16 requests at once at the most. */
export async function sendLoad(
  requests: readonly Buffer[],
  spec: LoadSpec,
  ended: AbortSignal,
): Promise<LoadResult> {
  const { from = 0, batches, perSecond } = spec
  const queue = requests.slice(from, from + batches)
  if (queue.length < batches) throw new Error(`${queue.length} of ${batches} batches are rendered.`)
  const connections = Array.from({ length: CONNECTIONS }, () => new KeepAliveConnection(spec.port))
  await Promise.all(connections.map((connection) => connection.open()))
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const measureFrom = startedAt + spec.warmUpMs
  const measureUntil = measureFrom + (spec.measureMs ?? Number.POSITIVE_INFINITY)
  const samples: { readonly endedAt: number; readonly ms: number }[] = []
  let next = 0

  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < measureUntil && !ended.aborted) {
        const turn = next++
        const request = queue[turn]
        if (request === undefined) return
        const dueAt = perSecond && startedAt + (turn * 1_000) / perSecond
        const sentAt = dueAt ? await waitUntil(dueAt) : performance.now()
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

/** When it was to leave, should that be over; else when it leaves. A timer's own lateness is nobody's. */
async function waitUntil(dueAt: number): Promise<number> {
  const waitMs = dueAt - performance.now()
  if (waitMs <= 0) return dueAt
  await pause(waitMs)
  return performance.now()
}
