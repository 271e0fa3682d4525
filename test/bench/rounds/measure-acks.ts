import type { LoadResult, LoadSpec } from '../load/send-load.ts'
import type { LoadClient } from '../load/start-load-client.ts'
import { watchBusyCores } from '../machine/busy-cores.ts'
import type { ServerProcess } from '../servers/server-process.ts'
import type { Receiver } from '../servers/start-receiver.ts'

/** What one server did under load. */
export interface AckFigures extends LoadResult {
  /** Undefined: as many as were answered. */
  readonly offeredPerSecond: number | undefined
  readonly stallMs: number
  /** How many cores the server took, all its threads together. */
  readonly serverCores: number
  /** How many cores the whole machine kept busy: others disturb a measurement. */
  readonly machineCores: number
  readonly rssBytes: number | undefined
  /** The handlers' processes. */
  readonly childRssBytes: number | undefined
}

export interface Target extends ServerProcess {
  readonly port: number
}

/** Sends as fast as the server answers, or at a pace, and reads what it cost the server. */
export async function measureAcks(
  client: LoadClient,
  server: Target,
  spec: Omit<LoadSpec, 'port'>,
): Promise<AckFigures> {
  await server.probe()
  const startedAt = performance.now()
  const busyCores = watchBusyCores()
  const result = await client.send({ ...spec, port: server.port })
  const { stallMs, cpuMs } = await server.probe()
  const serverCores = cpuMs / (performance.now() - startedAt)
  const rss = server.peakRssBytes()
  return {
    ...result,
    offeredPerSecond: spec.perSecond,
    stallMs,
    serverCores,
    machineCores: busyCores(),
    rssBytes: rss?.server,
    childRssBytes: rss?.children,
  }
}

/** Throws when the receiver does not have what it acknowledged. */
export async function checkJournal(receiver: Receiver, acked: number): Promise<void> {
  const received = await receiver.countReceived()
  if (received === acked) return
  const refused = JSON.stringify((await receiver.stats()).batches.refused_by_reason)
  throw new Error(
    `${acked} batches were acknowledged, ${received} are stored; refused: ${refused}.`,
  )
}
