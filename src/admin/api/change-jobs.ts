import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { JobName } from '../../store/store.ts'
import { answerLongWork, LONG_WORK } from '../answer-long-work.ts'
import { dropUndefined } from '../answer-parts.ts'
import { withoutPeople } from '../audit-trail.ts'
import type { AdminContext } from '../context.ts'
import { type AdminApp, answersInTheEnd } from '../openapi.ts'
import { findEvent } from './events.ts'
import { refuseUnknownHandler } from './replay.ts'
import {
  describeSelection,
  findJobs,
  type JobSelection,
  type Left,
  selectionOf,
  type WantedState,
} from './select-jobs.ts'

const errors = { 404: 'No event has the id that was given.' }

const REPLAY_JOBS = {
  summary: 'Makes dead jobs pending again, and discarded ones that are named',
  body: selectionOf('dead job would run again').meta({ example: { handler: 'crm' } }),
  response: answersInTheEnd(z.object({ replayed: z.int() })),
  errors,
}

const RETRY_JOBS = {
  summary: 'Runs jobs now that wait for their next attempt: a selection, or all that match',
  body: selectionOf('job would run now').meta({ example: { handler: 'crm' } }),
  response: answersInTheEnd(z.object({ retried: z.int() })),
  errors,
}

const MAX_REASON_LENGTH = 300

const reason = z
  .string({ error: 'must say in a text why nobody needs these jobs' })
  .trim()
  .min(1, 'must say why nobody needs these jobs')
  .max(MAX_REASON_LENGTH, `must be at most ${MAX_REASON_LENGTH} characters long`)
  .refine((given) => !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(given), {
    error: 'must be one line of text without control characters',
  })
  .describe('Why; kept with each job. The trail keeps it for ever, without addresses.')

const DISCARDED_JSON = z.object({
  discarded: z.int(),
  left: z
    .object({
      pending: z.int(),
      done: z.int(),
      discarded: z.int().describe('Before already.'),
      unknown: z.int().describe('There is no such job.'),
    })
    .describe(
      'Of jobs that were named, or are of the event that was: those that are not dead, and stay as they are.',
    ),
})
export type DiscardedJson = z.output<typeof DISCARDED_JSON>

const DISCARD_JOBS = {
  summary: 'Settles dead jobs for good, with a reason: a selection, or all that match',
  body: selectionOf('dead job would be discarded')
    .safeExtend({ reason })
    .meta({ example: { handler: 'crm', reason: 'The list was given up.' } }),
  response: answersInTheEnd(DISCARDED_JSON),
  errors,
}

/** What is done to those jobs of a selection that are in one of these states. */
interface Change {
  readonly action: 'replay' | 'retry' | 'discard'
  readonly states: readonly WantedState[]
  readonly selection: JobSelection
  /** Those that were asked for by name and are in no such state are counted here. */
  readonly left?: Left
  /** For the trail, besides the selection. */
  readonly parameters?: { readonly reason: string }
  /** Answers how many jobs it changed. */
  readonly apply: (jobs: readonly JobName[]) => Promise<number>
}

/** Runs jobs again, or now that wait for an attempt, and settles dead ones that nobody needs. */
export function addChangeRoutes(app: AdminApp, context: AdminContext): void {
  const { archive, observer } = context

  app.post('/api/jobs/replay', { ...LONG_WORK, schema: REPLAY_JOBS }, async (request, reply) => {
    const { body: selection, ip: address } = request
    const states = selection.jobs ? (['dead', 'discarded'] as const) : (['dead'] as const)
    const apply = async (jobs: readonly JobName[]) => {
      let replayed = 0
      for (const state of states) replayed += await archive.replay(jobs, state)
      return replayed
    }
    const change: Change = { action: 'replay', states, selection, apply }
    return answerChange({ request, reply, context, change }, (jobs) => {
      observer.replayed({ address, filter: { ...filterOf(selection), state: 'dead' }, jobs })
      return { replayed: jobs }
    })
  })

  app.post('/api/jobs/retry', { ...LONG_WORK, schema: RETRY_JOBS }, (request, reply) => {
    const { body: selection, ip: address } = request
    const apply = (jobs: readonly JobName[]) => archive.hasten(jobs)
    const change: Change = { action: 'retry', states: ['retrying'], selection, apply }
    return answerChange({ request, reply, context, change }, (jobs) => {
      observer.replayed({ address, filter: { ...filterOf(selection), state: 'pending' }, jobs })
      return { retried: jobs }
    })
  })

  app.post('/api/jobs/discard', { ...LONG_WORK, schema: DISCARD_JOBS }, (request, reply) => {
    const { ip: address } = request
    const { reason, ...selection } = request.body
    const apply = (jobs: readonly JobName[]) => archive.discard(jobs, reason)
    const left = { pending: 0, done: 0, dead: 0, discarded: 0, unknown: 0 }
    const parameters = { reason: withoutPeople(reason) }
    const states = ['dead'] as const
    const change: Change = { action: 'discard', states, selection, left, parameters, apply }
    return answerChange({ request, reply, context, change }, (jobs) => {
      observer.discarded({ address, filter: filterOf(selection), jobs })
      const { dead, ...others } = left
      return { discarded: jobs, left: others }
    })
  })
}

/** Without what only the trail may name. */
const filterOf = ({ jobs, error, ...filter }: JobSelection) => dropUndefined(filter)

async function answerChange(
  given: {
    readonly request: FastifyRequest
    readonly reply: FastifyReply
    readonly context: AdminContext
    readonly change: Change
  },
  answer: (changed: number) => object,
) {
  const { request, reply, change } = given
  const { archive, observer, audited } = given.context
  const { handler, event } = change.selection
  // A handler that is loaded no more may have left jobs behind: the store knows it still.
  if (handler !== undefined) refuseUnknownHandler(handler, await archive.loadHandlers())
  if (event !== undefined) await findEvent(archive, event)
  const parameters = { ...change.parameters, ...describeSelection(change.selection) }
  return await answerLongWork({ request, reply, observer }, async (onProgress) => {
    const changed = await audited(
      { action: change.action, address: request.ip, parameters },
      () => applyAll(archive, change, (done) => onProgress({ done, unit: 'jobs' })),
      (jobs) => ({ jobs }),
    )
    return answer(changed)
  })
}

async function applyAll(
  archive: AdminContext['archive'],
  { selection, states, left, apply }: Change,
  onProgress: (changed: number) => void,
): Promise<number> {
  let changed = 0
  for await (const jobs of findJobs(archive, selection, states, left)) {
    if (jobs.length > 0) changed += await apply(jobs)
    onProgress(changed)
  }
  return changed
}
