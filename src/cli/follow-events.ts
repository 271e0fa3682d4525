import { setTimeout as wait } from 'node:timers/promises'
import type { EventJson } from '../admin/api/events.ts'
import type { AdminClient, Query } from './admin-client.ts'
import { type CommandContext, CommandFailure } from './command.ts'
import { readPages } from './print-list.ts'
import { writeText } from './terminal.ts'

const INTERVAL_MS = 1_000
/** Of two batches that replicas unpack side by side, the later one may be there first by so much. */
const LATE_MS = 60_000

export interface Following {
  readonly client: AdminClient
  /** Without a span of time. */
  readonly query: Query
  readonly format: (events: readonly EventJson[]) => string
}

/** Prints matching events that are unpacked from now on, oldest first, until the process is asked to stop. */
export async function followEvents(
  { client, query, format }: Following,
  context: CommandContext,
): Promise<void> {
  const { stdout, stderr, stopped } = context
  const look = await createLook(client, query)
  await writeText(stderr, 'Waiting for events. Ctrl-C ends it.\n')
  let isAway = false
  while (!stopped.aborted) {
    try {
      const events = await look()
      if (events.length > 0) await writeText(stdout, format(events))
      isAway = false
    } catch (error) {
      if (stopped.aborted) return
      if (!(error instanceof CommandFailure)) throw error
      // A receiver that is started again answers soon.
      if (!isAway) await writeText(stderr, `${error.message} Asking again until it does.\n`)
      isAway = true
    }
    await wait(INTERVAL_MS, undefined, { signal: stopped }).catch(() => {})
  }
}

/**
 * Answers what came since the last look. Ids alone do not tell: a batch may be unpacked after one
 * with a greater number.
 */
async function createLook(
  client: AdminClient,
  query: Query,
): Promise<() => Promise<readonly EventJson[]>> {
  const seen = new Map<string, number>()
  // By the receiver's own clock; in an empty store everything is new.
  const { events: newest } = await client.get<{ events: EventJson[] }>('/api/events', { limit: 1 })
  let from = receivedAt(newest[0])

  const look = async () => {
    const found: EventJson[] = []
    const span = { ...query, from }
    const request = { path: '/api/events', rowsIn: 'events', query: span, limit: Infinity }
    for await (const page of readPages<EventJson>(client, request)) {
      const unseen = page.filter(({ id }) => !seen.has(id))
      found.push(...unseen)
      // What is older was seen before.
      if (page.length > unseen.length) break
    }
    for (const event of found) seen.set(event.id, receivedAt(event))
    from = Math.max(from, receivedAt(found[0]) - LATE_MS)
    for (const [id, at] of seen) if (at < from) seen.delete(id)
    return found.reverse()
  }
  if (newest.length > 0) await look()
  return look
}

/** Milliseconds since 1970; 0 without an event. */
function receivedAt(event: EventJson | undefined): number {
  return Date.parse(event?.received_at ?? '') || 0
}
