import * as z from 'zod'
import { HANDLER_NAME } from '../../model.ts'
import { findNearestWord } from '../../nearest-word.ts'
import { type AttemptCounts, RECENT_MINUTES } from '../../observe/figures.ts'
import { Refusal } from '../answer-errors.ts'
import { isoTime, JOB_COUNTS_JSON, jobCountsJson, ownValue, TIME_JSON } from '../answer-parts.ts'
import type { AdminContext } from '../context.ts'
import type { AdminApp } from '../openapi.ts'
import { FAILURES_JSON, groupFailures } from './failures.ts'

const HANDLER_JSON = z.object({
  name: z.string(),
  module: z.string().nullable(),
  keys: z.array(z.string()).nullable(),
  takes_batches: z.boolean().nullable(),
  running: z.boolean().describe('Here; another replica may run it.'),
  restarts: z.number().nullable().describe('Null: no process of it was seen here.'),
  is_crashing: z.boolean().describe('Its process ends again and again here, or does not start.'),
  last_problem: z.string().nullable(),
  paused_since: TIME_JSON,
  jobs: JOB_COUNTS_JSON,
  recent: z.object({
    over_minutes: z.number(),
    done: z.number(),
    retry: z.number(),
    dead: z.number(),
    done_by_minute: z.array(z.number()),
    failed_by_minute: z.array(z.number()),
  }),
})
export type HandlerJson = z.output<typeof HANDLER_JSON>

const HANDLERS_JSON = z.object({ handlers: z.array(HANDLER_JSON) })
export type HandlersJson = z.output<typeof HANDLERS_JSON>

const LIST_HANDLERS = {
  summary: 'Every handler, and how it does',
  response: { 200: HANDLERS_JSON },
}

const ONE_HANDLER = {
  params: z.object({ name: z.string() }),
  errors: { 404: 'No handler of this name was ever loaded here.' },
}

const LIST_FAILURES = {
  ...ONE_HANDLER,
  summary: 'The failures of a handler by error, of its newest jobs',
  response: { 200: FAILURES_JSON },
}

const PAUSE = {
  ...ONE_HANDLER,
  summary: 'Pauses a handler, or lets it go on, on every replica',
  response: { 200: z.object({ handler: z.string(), paused: z.boolean() }) },
}

export function addHandlerRoutes(app: AdminApp, context: AdminContext): void {
  const { archive, observer, audited } = context

  app.get('/api/handlers', { schema: LIST_HANDLERS }, async () => {
    return { handlers: await readHandlers(context) }
  })

  app.get('/api/handlers/:name/failures', { schema: LIST_FAILURES }, async ({ params }) => {
    refuseUnless(HANDLER_NAME.test(params.name))
    const failures = await groupFailures(archive, params.name)
    if (failures.examined === 0) await refuseUnknown(context, params.name)
    return failures
  })

  for (const [action, isPaused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    app.post(`/api/handlers/:name/${action}`, { schema: PAUSE }, async ({ params, ip }) => {
      const { name: handler } = params
      const seen = await archive.loadHandlers()
      const names = seen.map(({ name }) => name)
      refuseUnless(names.includes(handler), findNearestWord(handler, names))
      await audited(
        { action, address: ip, parameters: { handler } },
        () => archive.setPaused(handler, isPaused),
        (isFound) => ({ handlers: isFound ? 1 : 0 }),
      )
      observer.handlerPaused({ address: ip, handler, isPaused })
      return { handler, paused: isPaused }
    })
  }
}

/** One that is loaded, or was: then there are jobs of it. */
async function refuseUnknown(
  { archive, registrations }: AdminContext,
  handler: string,
): Promise<void> {
  if (registrations().some(({ name }) => name === handler)) return
  refuseUnless(Object.hasOwn((await archive.stats()).jobs, handler))
}

function refuseUnless(isKnown: boolean, nearest?: string): void {
  if (isKnown) return
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  throw new Refusal(
    404,
    'not_found',
    `No handler of this name was ever loaded here.${hint} GET /api/handlers lists them.`,
  )
}

/** Every handler that is loaded here, or of which there are jobs. */
async function readHandlers(context: AdminContext): Promise<HandlerJson[]> {
  const { archive, observer, registrations, verdict } = context
  const [stats, paused, { causes }] = await Promise.all([
    archive.stats(),
    archive.pausedHandlers(),
    verdict(),
  ])
  const { handlers: health } = observer.counts()
  const { attempts } = observer.recent()
  const registered = new Map(registrations().map((handler) => [handler.name, handler]))
  const known = [
    ...registered.keys(),
    ...[health, stats.jobs, paused, attempts].flatMap(Object.keys),
  ]
  return [...new Set(known)].sort().map((name) => {
    const registration = registered.get(name)
    const observed = ownValue(health, name)
    return {
      name,
      module: registration?.module ?? null,
      keys: registration ? [...registration.keys] : null,
      takes_batches: registration?.takesBatches ?? null,
      running: observed?.running ?? false,
      restarts: observed?.restarts ?? null,
      is_crashing: causes.some(({ cause }) => cause === `handler_crashing:${name}`),
      last_problem: observed?.lastProblem ?? null,
      paused_since: isoTime(ownValue(paused, name)),
      jobs: jobCountsJson(stats, name),
      recent: recentJson(ownValue(attempts, name)),
    }
  })
}

/** Attempts of one handler in the last hour of this process. */
function recentJson(minutes: readonly AttemptCounts[] = []): HandlerJson['recent'] {
  const sum = (outcome: keyof AttemptCounts) =>
    minutes.reduce((total, counts) => total + counts[outcome], 0)
  return {
    over_minutes: RECENT_MINUTES,
    done: sum('done'),
    retry: sum('retry'),
    dead: sum('dead'),
    done_by_minute: minutes.map(({ done }) => done),
    failed_by_minute: minutes.map(({ retry, dead }) => retry + dead),
  }
}
