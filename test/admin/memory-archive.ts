import { EVENT_STATES, type EventState, type JobState } from '../../src/model.ts'
import type {
  Archive,
  AttemptRow,
  AuditRow,
  DatabaseHealth,
  EventDetail,
  JobName,
  JobRow,
  Page,
  PageRequest,
  QuarantineRow,
  SeriesPoint,
  SettledState,
  Store,
  StoreStats,
} from '../../src/store/store.ts'

type AdminStore = Pick<Store, 'replay' | 'hasten' | 'discard'> &
  Pick<Store, 'loadHandlers' | 'setPaused' | 'requeue' | 'recordAudit'>

export interface MemoryArchive extends Archive, AdminStore {
  /** As counted; answered whatever the span. */
  readonly series: SeriesPoint[]
  readonly lastBatch: Record<string, number>
  /** Handlers the store has seen, and since when they are paused. */
  readonly handlers: Map<string, number | undefined>
  /** Newest first, as the lists answer them. */
  readonly events: EventDetail[]
  readonly quarantine: (QuarantineRow & { readonly body: Uint8Array })[]
  readonly audit: AuditRow[]
  /** Overrides parts of the figures. */
  figures: Partial<StoreStats>
  databaseHealth: DatabaseHealth | undefined
  /** Every call with what it was given. */
  readonly calls: { readonly name: string; readonly given: unknown }[]
  /** When set, every read rejects with it. */
  problem: Error | undefined
}

/** An archive without a database: the same answers, small enough to see through. */
export function createMemoryArchive(now: () => number): MemoryArchive {
  const archive: MemoryArchive = {
    events: [],
    quarantine: [],
    audit: [],
    series: [],
    lastBatch: {},
    handlers: new Map(),
    figures: {},
    databaseHealth: undefined,
    calls: [],
    problem: undefined,
    health: async () => archive.databaseHealth,
    stats: async () => note('stats', undefined, () => statsOf(archive, now())),
    listEvents: async (query) =>
      note('listEvents', query, () => {
        const { source, type, state, recipient, messageId, eventId, batch, from, to } = query
        const rows = archive.events.filter(
          (event) =>
            (source === undefined || event.source === source) &&
            (type === undefined || event.type === type) &&
            (state === undefined || event.state === state) &&
            (recipient === undefined || event.recipient === recipient) &&
            (messageId === undefined || event.messageId === messageId) &&
            (eventId === undefined || event.eventId === eventId) &&
            (batch === undefined || event.batch === batch) &&
            (from === undefined || event.receivedAt >= from) &&
            (to === undefined || event.receivedAt < to),
        )
        return pageOf(rows, query, ({ id }) => id)
      }),
    getEvent: async (id) =>
      note('getEvent', id, () => archive.events.find((event) => event.id === id)),
    listJobs: async (query) =>
      note('listJobs', query, () => {
        const { handler, state } = query
        const isPending = state === 'pending' || state === 'retrying'
        const jobs = archive.events
          .flatMap(({ jobs, type, recipient, receivedAt }) =>
            jobs.map((job) => ({ ...job, type, recipient, receivedAt })),
          )
          .filter((job) => handler === undefined || job.handler === handler)
          .filter((job) => state === undefined || job.state === (isPending ? 'pending' : state))
          .filter((job) => state !== 'retrying' || job.attempt > 0)
        return pageOf(jobs, query, (job) => `${job.event}.${job.handler}`)
      }),
    listQuarantine: async (page) =>
      note('listQuarantine', page, () => pageOf(archive.quarantine, page, ({ id }) => id)),
    getQuarantine: async (id) =>
      note('getQuarantine', id, () => archive.quarantine.find((piece) => piece.id === id)),
    quarantineBody: async (id) =>
      note('quarantineBody', id, () => archive.quarantine.find((piece) => piece.id === id)?.body),
    listAudit: async (page) =>
      note('listAudit', page, () => pageOf(archive.audit, page, ({ id }) => id)),
    findWaiting: async (traces, among) => note('findWaiting', { traces, among }, () => []),
    recordAudit: async (entry) => {
      if (archive.problem) throw archive.problem
      archive.audit.unshift({ ...entry, id: String(archive.audit.length + 1), at: 1_000 })
    },
    countEvents: async (query) => note('countEvents', query, () => archive.series),
    lastBatches: async () => note('lastBatches', undefined, () => archive.lastBatch),
    pausedHandlers: async () =>
      note('pausedHandlers', undefined, () =>
        Object.fromEntries(
          [...archive.handlers].flatMap(([name, at]) => (at === undefined ? [] : [[name, at]])),
        ),
      ),
    loadHandlers: async () =>
      note('loadHandlers', undefined, () =>
        [...archive.handlers.keys()].map((name) => ({
          name,
          module: `/srv/handlers/${name}.ts`,
          keys: ['*'],
          takesBatches: false,
        })),
      ),
    setPaused: async (handler, isPaused) =>
      note('setPaused', { handler, isPaused }, () => {
        const isKnown = archive.handlers.has(handler)
        if (isKnown) archive.handlers.set(handler, isPaused ? 1_000 : undefined)
        return isKnown
      }),
    requeue: async (id, batch) =>
      note('requeue', { id, batch }, () => {
        const index = archive.quarantine.findIndex((piece) => piece.id === id)
        return archive.quarantine.splice(index, index < 0 ? 0 : 1).length === 1
      }),
    discard: async (jobs, reason) =>
      note('discard', { jobs, reason }, () => {
        const dead = jobs.filter((job) => isReplayed(job, 'dead'))
        for (const one of dead) settle(one, reason)
        return dead.length
      }),
    hasten: async (jobs) => note('hasten', { jobs }, () => jobs.length),
    replay: async (jobs, only) =>
      note('replay', { jobs, only }, () => jobs.filter((job) => isReplayed(job, only)).length),
  }

  function note<Answer>(name: string, given: unknown, answer: () => Answer): Answer {
    archive.calls.push({ name, given })
    if (archive.problem) throw archive.problem
    return answer()
  }

  function settle({ event, handler }: JobName, reason: string): void {
    const index = archive.events.findIndex(({ id }) => id === event)
    const row = archive.events[index]
    if (!row) return
    const jobs = row.jobs.map((job) =>
      job.handler === handler
        ? { ...job, state: 'discarded' as const, discarded: { at: now(), reason } }
        : job,
    )
    archive.events[index] = { ...row, jobs }
  }

  function isReplayed({ event, handler }: JobName, only: SettledState | undefined): boolean {
    const jobs = archive.events.find(({ id }) => id === event)?.jobs ?? []
    const job = jobs.find((candidate) => candidate.handler === handler)
    if (job === undefined) return only === undefined
    if (only === undefined) return job.state === 'done' || job.state === 'dead'
    return job.state === only
  }

  return archive
}

/** The cursor names the last row of the page before. */
function pageOf<Row>(
  rows: readonly Row[],
  { limit = 50, cursor }: PageRequest,
  nameOf: (row: Row) => string,
): Page<Row> {
  const start = cursor === undefined ? 0 : rows.findIndex((row) => nameOf(row) === cursor) + 1
  const page = rows.slice(start, start + limit)
  const last = start + limit < rows.length ? page.at(-1) : undefined
  return { rows: page, cursor: last && nameOf(last) }
}

function statsOf({ events, quarantine, figures }: MemoryArchive, countedAt: number): StoreStats {
  const count = (state: EventState) => events.filter((event) => event.state === state).length
  const types = [...new Set(events.map((event) => event.type))]
  const ofType = (type: string) => events.filter((event) => event.type === type).length
  return {
    countedAt,
    batches: { received: events.length, waiting: 0 },
    events: {
      total: events.length,
      byState: Object.fromEntries(
        EVENT_STATES.map((state) => [state, count(state)]),
      ) as StoreStats['events']['byState'],
      byType: Object.fromEntries(types.map((type) => [type, ofType(type)])),
    },
    duplicates: 0,
    quarantined: quarantine.length,
    jobs: {},
    retrying: {},
    backlog: 0,
    oldestPendingMs: 0,
    oldestWaitingAt: undefined,
    oldestUntriedAt: {},
    ...figures,
  }
}

/** An event with everything filled in; each test changes what it speaks of. */
export function makeEvent(id: string, changes: Partial<EventDetail> = {}): EventDetail {
  return {
    id,
    batch: 'batch-1',
    position: 0,
    source: 'mailtrap',
    provider: 'mailtrap',
    type: 'bounce',
    name: 'email.bounced',
    state: 'done',
    eventId: `event-${id}`,
    recipient: 'ada@example.com',
    messageId: `message-${id}`,
    occurredAt: Date.UTC(2026, 10, 21, 9, 0),
    receivedAt: Date.UTC(2026, 10, 21, 9, 30),
    payload: '{"event":"bounce","n":12345678901234567890}',
    jobs: [],
    ...changes,
  }
}

export function makeJob(event: string, handler: string, state: JobState): JobRow {
  const outcome = state === 'done' ? 'done' : 'dead'
  const attempts: AttemptRow[] =
    state === 'pending'
      ? []
      : [{ attempt: 1, outcome, endedAt: 1_000, durationMs: 12, error: undefined }]
  return {
    event,
    handler,
    state,
    attempt: attempts.length,
    dueAt: state === 'pending' ? 5_000 : undefined,
    lastError: state === 'dead' ? 'no such list' : undefined,
    attempts,
  }
}

export function makePiece(id: string, body: Uint8Array): MemoryArchive['quarantine'][number] {
  return {
    id,
    batch: 'batch-1',
    source: 'mailtrap',
    reason: 'invalid_json',
    detail: 'unexpected end',
    position: 3,
    pieces: 1,
    byteOffset: 120,
    bytes: body.byteLength,
    receivedAt: Date.UTC(2026, 10, 21, 9, 30),
    body,
  }
}
