import { setTimeout as pause } from 'node:timers/promises'
import { SHAPES, type Shape } from '../load/sample-batches.ts'
import type { LoadClient } from '../load/start-load-client.ts'
import { watchBusyCores } from '../machine/busy-cores.ts'
import { readStartedCpuMs, readTreeUse, waitUntilQuiet } from '../machine/tree-use.ts'
import { type AckFigures, measureAcks, type Target } from './measure-acks.ts'

/** A server that can tell what became of the events since it was started. */
export interface OutcomeTarget extends Target {
  /** Events whose last outcome is recorded; need not be exact before all are. */
  countDone(expected: number): Promise<number>
  /** Throws unless each event was kept once and handled, and nothing else happened. */
  checkOutcomes(expected: number): Promise<void>
}

/** How often to ask whether all is done; each answer costs the server a count. */
const POLL_MS = 200
/** Without progress for this long, the server has stopped working. */
const STUCK_MS = 30_000

export interface OutcomeFigures {
  readonly batches: number
  readonly events: number
  /** From before the first byte was sent until the server said that every event is done. */
  readonly seconds: number
  readonly eventsPerSecond: number
  /** Processor time of the server and its handlers' processes, without their start; microseconds. */
  readonly serverUsPerEvent: number | undefined
  readonly serverUsPerBatch: number | undefined
  /** What the same processes made the file system write. */
  readonly writtenBytesPerEvent: number | undefined
  /** Processor time of all processes but the load, a database's included; microseconds. */
  readonly processorUsPerEvent: number | undefined
  /** What the store takes on the disk once the server has stopped; undefined where it is no file. */
  readonly storedBytesPerEvent?: number | undefined
  /** How the acks went meanwhile. */
  readonly acks: AckFigures
  readonly startMs: number
  readonly stallMs: number
  readonly serverCores: number
  readonly machineCores: number
  readonly rssBytes: number | undefined
  readonly childRssBytes: number | undefined
}

export interface OutcomeLoad {
  readonly shape?: Shape
  readonly batches: number
}

/** Sends unique events as fast as they are acknowledged and waits for the last outcome. */
export async function measureOutcomes(
  client: LoadClient,
  server: OutcomeTarget,
  { shape = 'full', batches }: OutcomeLoad,
): Promise<OutcomeFigures> {
  const events = batches * SHAPES[shape].events
  await waitUntilQuiet(server.pid)
  const before = readTreeUse(server.pid)
  const allBeforeMs = readStartedCpuMs(client.pid)
  const startedAt = performance.now()
  const busyCores = watchBusyCores()
  const acks = await measureAcks(client, server, { shape, batches, warmUpMs: 0 })
  const ackedAt = performance.now()
  await waitUntilDone(server, events)
  const endedAt = performance.now()
  const seconds = (endedAt - startedAt) / 1_000
  const after = readTreeUse(server.pid)
  const allAfterMs = readStartedCpuMs(client.pid)
  const use = before &&
    after && {
      us: (after.cpuMs - before.cpuMs) * 1_000,
      written: after.writtenBytes - before.writtenBytes,
    }
  await server.checkOutcomes(events)
  const machineCores = busyCores()
  const { stallMs, cpuMs } = await server.probe()
  const rss = server.peakRssBytes()
  return {
    batches,
    events,
    seconds,
    eventsPerSecond: events / seconds,
    serverUsPerEvent: use && use.us / events,
    serverUsPerBatch: use && use.us / batches,
    writtenBytesPerEvent: use && use.written / events,
    processorUsPerEvent:
      allBeforeMs === undefined || allAfterMs === undefined
        ? undefined
        : ((allAfterMs - allBeforeMs) * 1_000) / events,
    acks,
    startMs: server.startMs,
    stallMs: Math.max(stallMs, acks.stallMs),
    serverCores: (cpuMs + acks.serverCores * (ackedAt - startedAt)) / (endedAt - startedAt),
    machineCores,
    rssBytes: rss?.server,
    childRssBytes: rss?.children,
  }
}

export async function waitUntilDone(server: OutcomeTarget, events: number): Promise<void> {
  let before = -1
  let movedAt = performance.now()
  for (;;) {
    const done = await server.countDone(events)
    if (done >= events) return
    if (done > before) movedAt = performance.now()
    before = done
    if (performance.now() - movedAt > STUCK_MS) {
      throw new Error(`Of ${events} events ${done} are done; nothing moves.`)
    }
    await pause(POLL_MS)
  }
}
