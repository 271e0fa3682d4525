import { setTimeout as pause } from 'node:timers/promises'
import { type AckFigures, measureAcks } from './ack-round.ts'
import { EVENTS_PER_BATCH } from './load/sample-batches.ts'
import type { LoadClient } from './load/start-load-client.ts'
import { watchBusyCores } from './machine/busy-cores.ts'
import type { Receiver } from './servers/start-receiver.ts'

/** How often to ask whether all is done; each answer costs the receiver a count. */
const POLL_MS = 200
/** Without progress for this long, the receiver has stopped working. */
const STUCK_MS = 30_000

export interface OutcomeFigures {
  readonly events: number
  /** From before the first byte was sent until the receiver said that every event is done. */
  readonly seconds: number
  readonly eventsPerSecond: number
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
  receiver: Receiver,
  events: number,
): Promise<OutcomeFigures> {
  const startedAt = performance.now()
  const busyCores = watchBusyCores()
  const acks = await measureAcks(client, receiver, {
    batches: events / EVENTS_PER_BATCH,
    warmUpMs: 0,
  })
  const ackedAt = performance.now()
  await waitUntilDone(receiver, events)
  const endedAt = performance.now()
  const seconds = (endedAt - startedAt) / 1_000
  await checkOutcomes(receiver, events)
  const machineCores = busyCores()
  const { stallMs, cpuMs } = await receiver.probe()
  const rss = receiver.peakRssBytes()
  return {
    events,
    seconds,
    eventsPerSecond: events / seconds,
    acks,
    stallMs: Math.max(stallMs, acks.stallMs),
    serverCores: (cpuMs + acks.serverCores * (ackedAt - startedAt)) / (endedAt - startedAt),
    machineCores,
    rssBytes: rss?.server,
    childRssBytes: rss?.children,
  }
}

async function waitUntilDone(receiver: Receiver, events: number): Promise<void> {
  let before = -1
  let movedAt = performance.now()
  for (;;) {
    const { by_state: states, total } = (await receiver.stats()).events
    if (states.done >= events) return
    if (total + states.done > before) movedAt = performance.now()
    before = total + states.done
    if (performance.now() - movedAt > STUCK_MS) {
      throw new Error(
        `Of ${events} events ${total} are stored, ${states.done} done; nothing moves.`,
      )
    }
    await pause(POLL_MS)
  }
}

/** Throws unless each event was stored once and handled, and nothing else happened. */
async function checkOutcomes(receiver: Receiver, events: number): Promise<void> {
  const { batches, events: stored, jobs, duplicates, quarantined } = await receiver.stats()
  const found = {
    stored: stored.total,
    done: stored.by_state.done,
    jobsDone: jobs.noop?.done ?? 0,
    waiting: batches.waiting,
    duplicates,
    quarantined,
  }
  const expected = {
    stored: events,
    done: events,
    jobsDone: events,
    waiting: 0,
    duplicates: 0,
    quarantined: 0,
  }
  if (JSON.stringify(found) === JSON.stringify(expected)) return
  throw new Error(`Of ${events} events came: ${JSON.stringify(found)}.`)
}
