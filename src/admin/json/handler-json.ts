import { z } from 'zod'
import type { HandlerRegistration } from '../../model.ts'
import type { AttemptCounts, HandlerHealth } from '../../observe/observer.ts'
import type { StoreStats } from '../../store/store.ts'
import { isoTime } from './iso-time.ts'
import { ownValue } from './own-value.ts'
import { ATTEMPTS_JSON, attemptsJson } from './recent-json.ts'
import { TIME_JSON } from './time-schema.ts'

export const HANDLER_JSON = z.object({
  name: z.string(),
  module: z.string().nullable(),
  keys: z.array(z.string()).nullable(),
  takes_batches: z.boolean().nullable(),
  running: z.boolean().describe('Here; another replica may run it.'),
  restarts: z.number().nullable().describe('Null: no process of it was seen here.'),
  last_problem: z.string().nullable(),
  paused_since: TIME_JSON,
  jobs: z.object({ pending: z.number(), done: z.number(), dead: z.number() }),
  recent: ATTEMPTS_JSON,
})

export type HandlerJson = z.output<typeof HANDLER_JSON>

export interface HandlersFacts {
  readonly registrations: readonly HandlerRegistration[]
  readonly health: Readonly<Record<string, HandlerHealth>>
  readonly jobs: StoreStats['jobs']
  readonly paused: Readonly<Record<string, number>>
  readonly attempts: Readonly<Record<string, readonly AttemptCounts[]>>
}

/** Every handler that is loaded here, or of which there are jobs. */
export function handlersJson(facts: HandlersFacts): HandlerJson[] {
  const { registrations, health, jobs, paused, attempts } = facts
  const registered = new Map(registrations.map((handler) => [handler.name, handler]))
  const known = [...registered.keys(), ...[health, jobs, paused, attempts].flatMap(Object.keys)]
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
      last_problem: observed?.lastProblem ?? null,
      paused_since: isoTime(ownValue(paused, name)),
      jobs: ownValue(jobs, name) ?? { pending: 0, done: 0, dead: 0 },
      recent: attemptsJson(ownValue(attempts, name)),
    }
  })
}
