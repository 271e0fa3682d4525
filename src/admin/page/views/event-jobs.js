// @ts-check
import { post } from '../parts/api.js'
import { carefulButton } from '../parts/buttons.js'
import { card, link, make, mark, table, visibleText, write } from '../parts/elements.js'
import { createPill } from '../parts/event-rows.js'
import { count, cut, showDuration, showNumber } from '../parts/format.js'
import { writeRoute } from '../parts/route.js'
import { sync } from '../parts/sync.js'
import { timeNode } from '../parts/times.js'

const MOST_ERROR = 4_000

/** Why an event has no job. */
const NO_JOBS = /** @type {Record<string, string>} */ ({
  conflict: 'Given to no handler: an earlier event has its id.',
  stale: 'Given to no handler: it may be a repetition of one that was forgotten.',
})

/** An event's jobs with every attempt. @param {string} id @param {ReturnType<typeof import('../parts/notice.js').createNotice>} notice */
export function createJobs(id, notice) {
  const list = make('div', 'jobs')
  const none = make('p', 'none')
  const create = (/** @type {any} */ { handler }) => createJob(id, handler, notice)
  return {
    node: card('Jobs', list, none),
    show(/** @type {any} */ { jobs, state }) {
      write(none, NO_JOBS[state] ?? 'No handler wanted it.')
      sync(list, jobs, { keyOf: (/** @type {any} */ { handler }) => handler, create, none })
    },
  }
}

/** @param {string} event @param {string} handler @param {ReturnType<typeof import('../parts/notice.js').createNotice>} notice */
function createJob(event, handler, notice) {
  const pill = createPill('')
  const due = make('span', 'soft')
  const runAgain = () =>
    notice.run(async () => {
      const { replayed } = await post('api/replay', { event, handler })
      return replayed === 0 ? `${handler}: is pending already.` : `${handler}: made pending.`
    })
  const replay = carefulButton('Run again', () => 'Really run it again?', runAgain)
  const name = link(writeRoute(['handlers', handler]), '', make('bdi', '', cut(handler, 64)))
  const attempts = table(['Attempt', 'Outcome', 'Ended', ['Took', 'number'], 'Error'])
  attempts.node.classList.add('attempts')
  const head = make('p', 'job', name, pill, due, replay)
  const update = (/** @type {any} */ job) => {
    write(pill, job.state)
    mark(pill, job.state)
    due.replaceChildren(...describeDue(job))
    replay.hidden = job.state === 'pending'
    attempts.node.hidden = job.attempts.length === 0
    const keyOf = (/** @type {any} */ one) => `${one.attempt} ${one.ended_at}`
    sync(attempts.body, job.attempts, { keyOf, create: createAttempt })
  }
  return { node: make('div', '', head, make('div', 'scroll', attempts.node)), update }
}

/** @param {any} job */
function describeDue(job) {
  if (job.state !== 'pending') return []
  const attempts = job.attempt > 0 ? `, after ${count(job.attempt, 'attempt')}` : ''
  return job.due_at === null ? [] : ['due ', timeNode(job.due_at), attempts]
}

/** @param {any} attempt */
function createAttempt(attempt) {
  const error = make('td', 'error', ...visibleText((attempt.error ?? '').slice(0, MOST_ERROR)))
  const node = make(
    'tr',
    '',
    make('td', '', showNumber(attempt.attempt)),
    make('td', '', createPill(attempt.outcome)),
    make('td', '', timeNode(attempt.ended_at)),
    make('td', 'number', showDuration(attempt.duration_ms)),
    error,
  )
  return { node }
}
