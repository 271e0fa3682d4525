import * as z from 'zod'
import { createRoutes } from '../../handlers/event-keys.ts'
import { type EventState, type HandlerRegistration, REPLAYED_STATES } from '../../model.ts'
import { findNearestWord } from '../../nearest-word.ts'
import { parsePayload } from '../../providers/read-value.ts'
import { type EventRow, type JobName, pagesOf } from '../../store/store.ts'
import { invalidParameters } from '../answer-errors.ts'
import { answerLongWork, LONG_WORK } from '../answer-long-work.ts'
import { dropUndefined } from '../answer-parts.ts'
import type { AdminContext } from '../context.ts'
import { type AdminApp, answersInTheEnd } from '../openapi.ts'
import { isSpan, oneOf, SPAN_PROBLEM, span, text } from '../parameters.ts'
import { findEvent, isTestEvent } from './events.ts'
import { findJobs, isMatch } from './select-jobs.ts'

/** Which jobs are to be pending again. Several fields narrow each other. */
const REPLAY_PARAMETERS = z
  .object({
    handler: text.exactOptional(),
    state: oneOf(REPLAYED_STATES)
      .describe(
        'Of the event; done and dead also leave out jobs in another state. discarded is of the job: ' +
          'without it, or the id of an event, no discarded job runs again.',
      )
      .exactOptional(),
    type: text.exactOptional(),
    ...span,
    event: text.describe('The id of one event, in any state.').exactOptional(),
  })
  .refine(isSpan, SPAN_PROBLEM)
  .meta({ example: { state: 'dead' } })
type ReplayRequest = z.output<typeof REPLAY_PARAMETERS>

const REPLAY = {
  summary: 'Makes matching jobs pending again, and those that never were; one field at least',
  body: REPLAY_PARAMETERS,
  response: answersInTheEnd(z.object({ replayed: z.number().describe('Jobs.') })),
  errors: { 404: 'No event has the id that was given.' },
}

export function addReplayRoute(app: AdminApp, context: AdminContext): void {
  const { archive, observer, registrations, audited } = context

  app.post('/api/replay', { ...LONG_WORK, schema: REPLAY }, async (request, reply) => {
    const { body: wanted, ip: address } = request
    const handlers = registrations()
    refuseEverything(wanted)
    refuseUnknownHandler(wanted.handler, handlers)
    if (wanted.event !== undefined) await findEvent(archive, wanted.event)
    return await answerLongWork({ request, reply, observer }, async (onProgress) => {
      const replayed = await audited(
        { action: 'replay', address, parameters: { ...wanted } },
        () =>
          replayEvents(archive, wanted, {
            handlers,
            onProgress: (done) => onProgress({ done, unit: 'jobs' }),
          }),
        (jobs) => ({ jobs }),
      )
      observer.replayed({ address, filter: wanted, jobs: replayed })
      return { replayed }
    })
  })
}

function refuseEverything(wanted: ReplayRequest): void {
  if (Object.keys(wanted).length > 0) return
  const names = Object.keys(REPLAY_PARAMETERS.shape).join(', ')
  throw invalidParameters(
    `At least one of ${names} is needed: without any, every event would run again.`,
  )
}

/** A misspelt name would replay nothing and say so with a friendly 0. */
export function refuseUnknownHandler(
  name: string | undefined,
  handlers: readonly { readonly name: string }[],
): void {
  const names = handlers.map((handler) => handler.name)
  if (name === undefined || names.includes(name)) return
  const nearest = findNearestWord(name, names)
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  const list = names.length === 0 ? 'none is loaded' : names.join(', ')
  throw invalidParameters(`handler must be the name of a handler: ${list}.${hint}`)
}

const WITHHELD: readonly EventState[] = ['conflict', 'stale']

/**
 * Finds the events, asks which handlers want each, and makes these jobs pending: settled ones again,
 * missing ones for the first time. Events of a provider's test button are left out: they are kept,
 * never handled. Answers how many jobs.
 */
async function replayEvents(
  archive: AdminContext['archive'],
  request: ReplayRequest,
  how: {
    readonly handlers: readonly HandlerRegistration[]
    readonly onProgress: (jobs: number) => void
  },
): Promise<number> {
  const routes = createRoutes(how.handlers)
  const { handler: wanted, state, type, from, to } = request
  if (state === 'discarded') return await replayDiscarded(archive, request, how.onProgress)
  const only = state === 'done' || state === 'dead' ? state : undefined

  const picky = new Set(how.handlers.flatMap(({ name, where }) => (where ? [name] : [])))

  /** What `where` says is decided by the bytes that are kept, of an event that the handler never had. */
  async function findHandlers(event: EventRow): Promise<readonly string[]> {
    const handlers = routes(event).filter((name) => wanted === undefined || wanted === name)
    if (!handlers.some((name) => picky.has(name))) return handlers
    const { payload, jobs = [] } = (await archive.getEvent(event.id)) ?? {}
    const fitting = routes(event, payload === undefined ? {} : readContent(payload))
    const had = jobs.map(({ handler }) => handler)
    return handlers.filter((name) => fitting.includes(name) || had.includes(name))
  }

  const replay = async (events: readonly EventRow[]) => {
    const jobs: JobName[] = []
    for (const event of events) {
      if (isTestEvent(event)) continue
      for (const handler of await findHandlers(event)) jobs.push({ event: event.id, handler })
    }
    return jobs.length === 0 ? 0 : archive.replay(jobs, only)
  }

  if (request.event !== undefined) {
    const event = await findEvent(archive, request.event)
    if (!isMatch(event, { state, type, from, to })) return 0
    return (await replay([event])) + (state ? 0 : await replayDiscarded(archive, request, () => {}))
  }
  // Conflicts and stale events were kept from handlers on purpose; they run only when named.
  const isAllowed = (event: EventRow) => state !== undefined || !WITHHELD.includes(event.state)
  const filter = dropUndefined({ state, type, from, to })
  let replayed = 0
  for await (const { rows } of pagesOf((paging) => archive.listEvents({ ...filter, ...paging }))) {
    replayed += await replay(rows.filter(isAllowed))
    how.onProgress(replayed)
  }
  return replayed
}

/** Whoever asks for these, or names an event, takes back that they were settled for good. */
async function replayDiscarded(
  archive: AdminContext['archive'],
  { state: _, ...selection }: ReplayRequest,
  onProgress: (jobs: number) => void,
): Promise<number> {
  let replayed = 0
  for await (const jobs of findJobs(archive, selection, ['discarded'])) {
    if (jobs.length > 0) replayed += await archive.replay(jobs, 'discarded')
    onProgress(replayed)
  }
  return replayed
}

function readContent(payload: string): Record<string, unknown> {
  try {
    return parsePayload(payload)
  } catch {
    return {}
  }
}
