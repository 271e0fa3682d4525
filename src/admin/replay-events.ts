import { createRoutes } from '../handlers/event-keys.ts'
import type { EventState, HandlerRegistration } from '../model.ts'
import type { Archive, EventRow, Store } from '../store/store.ts'
import { dropUndefined } from './drop-undefined.ts'
import { isTestEvent } from './is-test-event.ts'
import { isRowId } from './parameters/row-id.ts'

/** Which jobs are to be pending again. Several fields narrow each other. */
export interface ReplayRequest {
  readonly handler?: string
  /** The state of the event. `done` and `dead` also leave out jobs in another state. */
  readonly state?: EventState
  readonly type?: string
  /** Received at or after, and before; milliseconds since 1970. */
  readonly from?: number
  readonly to?: number
  /** One event, in any state. */
  readonly event?: string
}

export type ReplayArchive = Pick<Archive, 'listEvents' | 'getEvent'> & Pick<Store, 'replay'>

const PAGE_LIMIT = 500
const WITHHELD: readonly EventState[] = ['conflict', 'stale']

/**
 * Finds the events, asks which handlers want each, and makes these jobs pending: settled ones again,
 * missing ones for the first time. Events of a provider's test button are left out: they are kept,
 * never handled. Answers how many jobs; undefined when the one named event is unknown.
 */
export async function replayEvents(
  archive: ReplayArchive,
  request: ReplayRequest,
  handlers: readonly HandlerRegistration[],
): Promise<number | undefined> {
  const routes = createRoutes(handlers)
  const only = request.state === 'done' || request.state === 'dead' ? request.state : undefined

  const replay = async (events: readonly EventRow[]) => {
    const jobs = events
      .filter((event) => !isTestEvent(event))
      .flatMap((event) => routes(event).map((handler) => ({ event: event.id, handler })))
      .filter(({ handler }) => request.handler === undefined || request.handler === handler)
    return jobs.length === 0 ? 0 : archive.replay(jobs, only)
  }

  if (request.event === undefined) return replayPages(archive, request, replay)
  const event = isRowId(request.event) ? await archive.getEvent(request.event) : undefined
  return event && replay(isMatch(event, request) ? [event] : [])
}

async function replayPages(
  archive: ReplayArchive,
  { state, type, from, to }: ReplayRequest,
  replay: (events: readonly EventRow[]) => Promise<number>,
): Promise<number> {
  const filter = dropUndefined({ state, type, from, to })
  // Conflicts and stale events were kept from handlers on purpose; they run only when named.
  const isAllowed = (event: EventRow) => state !== undefined || !WITHHELD.includes(event.state)
  let replayed = 0
  let cursor: string | undefined
  do {
    const page = await archive.listEvents({
      ...filter,
      limit: PAGE_LIMIT,
      ...dropUndefined({ cursor }),
    })
    replayed += await replay(page.rows.filter(isAllowed))
    cursor = page.cursor
  } while (cursor !== undefined)
  return replayed
}

function isMatch(event: EventRow, { state, type, from, to }: ReplayRequest): boolean {
  return (
    (state === undefined || event.state === state) &&
    (type === undefined || event.type === type) &&
    (from === undefined || event.receivedAt >= from) &&
    (to === undefined || event.receivedAt < to)
  )
}
