import { setTimeout as pause } from 'node:timers/promises'
import { type AckFigures, measureAcks, type Target } from './ack-round.ts'
import { EVENTS_PER_BATCH } from './load/sample-batches.ts'
import type { LoadClient } from './load/start-load-client.ts'
import { watchBusyCores } from './machine/busy-cores.ts'
import { watchProcessorMs } from './machine/processor-time.ts'

/** A server that can tell what became of the events. */
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
  readonly events: number
  /** From before the first byte was sent until the server said that every event is done. */
  readonly seconds: number
  readonly eventsPerSecond: number
  /** Processor time of all processes but the load, the database's included, in microseconds. */
  readonly processorUsPerEvent: number | undefined
  /** How the acks went meanwhile. */
  readonly acks: AckFigures
  readonly stallMs: number
  readonly serverCores: number
  readonly machineCores: number
  readonly rssBytes: number | undefined
  readonly childRssBytes: number | undefined
}

/** Sends `events` unique events as fast as they are acknowledged and waits for the last outcome. */
export async function measureOutcomes(
  client: LoadClient,
  server: OutcomeTarget,
  events: number,
): Promise<OutcomeFigures> {
  const startedAt = performance.now()
  const busyCores = watchBusyCores()
  const processorMs = watchProcessorMs(client.pid)
  const acks = await measureAcks(client, server, {
    batches: events / EVENTS_PER_BATCH,
    warmUpMs: 0,
  })
  const ackedAt = performance.now()
  await waitUntilDone(server, events)
  const endedAt = performance.now()
  const seconds = (endedAt - startedAt) / 1_000
  const ms = processorMs()
  await server.checkOutcomes(events)
  const machineCores = busyCores()
  const { stallMs, cpuMs } = await server.probe()
  const rss = server.peakRssBytes()
  return {
    events,
    seconds,
    eventsPerSecond: events / seconds,
    processorUsPerEvent: ms && (ms * 1_000) / events,
    acks,
    stallMs: Math.max(stallMs, acks.stallMs),
    serverCores: (cpuMs + acks.serverCores * (ackedAt - startedAt)) / (endedAt - startedAt),
    machineCores,
    rssBytes: rss?.server,
    childRssBytes: rss?.children,
  }
}

async function waitUntilDone(server: OutcomeTarget, events: number): Promise<void> {
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
