import { setTimeout as pause } from 'node:timers/promises'
import { EVENTS_PER_BATCH } from '../load/sample-batches.ts'
import type { Receiver } from '../servers/start-receiver.ts'
import { type AckFigures, measureAcks } from './measure-acks.ts'
import { waitUntilDone } from './measure-outcomes.ts'
import { type Means, withReceiver } from './round-means.ts'

/** Batches a second, of which as many as ever are needed are rendered. */
const LIVE_PER_SECOND = 5
const MOST_LIVE_BATCHES = 1_000
const POLL_MS = 200

/** What a receiver did with events that had to wait. */
export interface BacklogFigures {
  readonly events: number
  /** While the backlog came. */
  readonly acks: AckFigures
  /** From the first byte until all was unpacked. */
  readonly secondsToUnpack: number
  /** Acks of new batches, meanwhile the handler worked off what had waited. */
  readonly live: AckFigures
  readonly secondsToWorkOff: number
  readonly eventsPerSecond: number
  readonly rssBytes: number | undefined
  readonly childRssBytes: number | undefined
}

/** Everything comes while the handler is paused; then it is resumed, and new batches come. */
export async function runBacklog(means: Means): Promise<BacklogFigures> {
  const { client, options } = means
  const receiver = options.receivers[0]
  if (!receiver) throw new Error('There is no receiver.')
  const events = options.backlogEvents
  const batches = events / EVENTS_PER_BATCH
  await client.renew('full', batches + MOST_LIVE_BATCHES)
  return withReceiver(means, { receiver, part: 'backlog' }, async (server) => {
    await server.setPaused(true)
    const startedAt = performance.now()
    const acks = await measureAcks(client, server, { batches, warmUpMs: 0 })
    await waitUntilUnpacked(server)
    const unpackedAt = performance.now()
    await server.setPaused(false)
    const sending = measureAcks(client, server, {
      from: batches,
      batches: MOST_LIVE_BATCHES,
      warmUpMs: 0,
      perSecond: LIVE_PER_SECOND,
    })
    await Promise.race([waitUntilDone(server, events), failing(sending)])
    const seconds = (performance.now() - unpackedAt) / 1_000
    client.end()
    const live = await sending
    await waitUntilDone(server, events + live.acked * EVENTS_PER_BATCH)
    await server.checkOutcomes(events + live.acked * EVENTS_PER_BATCH)
    const rss = server.peakRssBytes()
    return {
      events,
      acks,
      secondsToUnpack: (unpackedAt - startedAt) / 1_000,
      live,
      secondsToWorkOff: seconds,
      eventsPerSecond: events / seconds,
      rssBytes: rss?.server,
      childRssBytes: rss?.children,
    }
  })
}

/** Never resolves; a load that ends early is no reason to stop waiting. */
function failing(sending: Promise<unknown>): Promise<never> {
  return new Promise((_resolve, reject) => void sending.catch(reject))
}

async function waitUntilUnpacked(server: Receiver): Promise<void> {
  while ((await server.stats()).batches.waiting > 0) await pause(POLL_MS)
}
