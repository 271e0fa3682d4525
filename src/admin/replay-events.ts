import { createRoutes } from '../handlers/event-keys.ts'
import type { EventState, HandlerRegistration } from '../model.ts'
import type { Archive, EventRow, Store } from '../store/store.ts'
import { dropUndefined } from './drop-undefined.ts'
import { findEvent } from './find-event.ts'
import { isTestEvent } from './is-test-event.ts'

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

/** Answers how many jobs became pending. */
type ReplaySome = (events: readonly EventRow[]) => Promise<number>

const PAGE_LIMIT = 500
const WITHHELD: readonly EventState[] = ['conflict', 'stale']

/**
 * Finds the events, asks which handlers want each, and makes these jobs pending: settled ones again,
 * missing ones for the first time. Events of a provider's test button are left out: they are kept,
 * never handled. Answers how many jobs.
 */
export async function replayEvents(
  archive: ReplayArchive,
  request: ReplayRequest,
  options: {
    readonly handlers: readonly HandlerRegistration[]
    readonly onProgress?: (jobs: number) => void
  },
): Promise<number> {
  const { handlers, onProgress = () => {} } = options
  const routes = createRoutes(handlers)
  const only = request.state === 'done' || request.state === 'dead' ? request.state : undefined

  const replay: ReplaySome = async (events) => {
    const jobs = events
      .filter((event) => !isTestEvent(event))
      .flatMap((event) => routes(event).map((handler) => ({ event: event.id, handler })))
      .filter(({ handler }) => request.handler === undefined || request.handler === handler)
    return jobs.length === 0 ? 0 : archive.replay(jobs, only)
  }

  if (request.event === undefined) return replayPages(archive, request, { replay, onProgress })
  const event = await findEvent(archive, request.event)
  return event && isMatch(event, request) ? replay([event]) : 0
}

async function replayPages(
  archive: ReplayArchive,
  { state, type, from, to }: ReplayRequest,
  { replay, onProgress }: { replay: ReplaySome; onProgress: (jobs: number) => void },
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
    onProgress(replayed)
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
