// @ts-check
import { ask, post } from '../parts/api.js'
import { button, card, link, make, mark, table, write } from '../parts/elements.js'
import { createPill } from '../parts/event-rows.js'
import { factList } from '../parts/facts.js'
import { count, cut, showDuration, showNumber } from '../parts/format.js'
import { createNotice } from '../parts/notice.js'
import { createPayload } from '../parts/payload.js'
import { writeRoute } from '../parts/route.js'
import { sync } from '../parts/sync.js'
import { timeNode } from '../parts/times.js'

const TIMELINE = 100

/** One event: its exact text, its jobs, and the others of its message. @param {HTMLElement} root @param {string} id */
export function openEvent(root, id) {
  const notice = createNotice()
  const jobs = createJobs(id, notice)
  const pill = createPill('')
  /** @type {string | undefined} */
  let drawn

  async function drawOnce(/** @type {any} */ event) {
    const payload = createPayload(event.payload)
    const exact = card('Payload', payload.node)
    exact.querySelector('h2').append(payload.chooser)
    const replay = button('Run its handlers again', () => {
      void notice.run(async () => {
        const { replayed } = await post('api/replay', { event: id })
        return replayed === 0
          ? 'No job to run: no handler wants it, or its jobs are pending already.'
          : `${showNumber(replayed)} made pending.`
      })
    })
    const heading = make('h1', '', make('bdi', '', cut(event.type)), ' ', pill)
    const head = make('section', 'card wide', heading, listFacts(event))
    head.append(make('p', 'actions', replay, notice.node))
    const timeline = await createTimeline(event)
    const grid = make('div', 'grid', head, ...timeline, jobs.node, exact)
    exact.classList.add('wide')
    jobs.node.classList.add('wide')
    root.replaceChildren(backLink(), grid)
  }

  return {
    title: `Event ${id}`,
    async refresh(/** @type {boolean} */ isByHand) {
      const event = await ask(`api/events/${encodeURIComponent(id)}`, { isByHand })
      if (drawn !== event.id) await drawOnce(event)
      drawn = event.id
      write(pill, event.state)
      mark(pill, event.state)
      jobs.show(event.jobs)
    },
  }
}

function backLink() {
  const back = button('← Back', () => history.back(), 'plain')
  return make('p', 'back', back)
}

/** @param {any} event */
function listFacts(event) {
  const search = (/** @type {string} */ name, /** @type {string | null} */ value) =>
    value === null
      ? null
      : link(writeRoute(['events'], { [name]: value }), '', make('bdi', '', cut(value)))
  return factList([
    ['Recipient', search('recipient', event.recipient)],
    ['Message id', search('message_id', event.message_id)],
    ['Event id', search('event_id', event.event_id)],
    ['Normalised name', event.name],
    ['Source', search('source', event.source)],
    ['Occurred', event.occurred_at === null ? null : timeNode(event.occurred_at)],
    ['Received', timeNode(event.received_at)],
    ['Batch', `${event.batch}, piece ${event.position}`],
    ['Made by', event.is_test ? 'the provider’s test button: kept, never given to handlers' : null],
  ])
}

/** The events of the same message in order, and those with the same id: conflicts. @param {any} event */
async function createTimeline(event) {
  const cards = []
  for (const [name, title] of [
    ['message_id', 'This message'],
    ['event_id', 'The same event id'],
  ]) {
    const value = event[name ?? '']
    if (!name || value === null) continue
    const { events } = await ask(
      `api/events?limit=${TIMELINE}&${new URLSearchParams({ [name]: value })}`,
    )
    if (events.length < 2) continue
    const when = (/** @type {any} */ one) => one.occurred_at ?? one.received_at
    const sorted = [...events].sort((a, b) => when(a).localeCompare(when(b)) || a.id - b.id)
    const steps = sorted.map((one) => timelineStep(one, when(one), one.id === event.id))
    const node = card(title ?? '', make('ol', 'timeline', ...steps))
    node.classList.add('wide')
    cards.push(node)
  }
  return cards
}

/** @param {any} event @param {string} at @param {boolean} isThis */
function timelineStep(event, at, isThis) {
  const name = link(writeRoute(['events', event.id]), '', make('bdi', '', cut(event.type, 60)))
  if (isThis) name.setAttribute('aria-current', 'true')
  const about = event.recipient === null ? '' : cut(event.recipient, 100)
  const node = make(
    'li',
    '',
    name,
    createPill(event.state),
    timeNode(at),
    make('bdi', 'soft', about),
  )
  mark(node, event.state)
  return node
}

/** @param {string} id @param {ReturnType<typeof createNotice>} notice */
function createJobs(id, notice) {
  const list = make('div', 'jobs')
  const none = make('p', 'none', 'No handler wanted it.')
  const create = (/** @type {any} */ { handler }) => {
    const pill = createPill('')
    const due = make('span', 'soft')
    const replay = button('Run again', () => {
      void notice.run(async () => {
        const { replayed } = await post('api/replay', { event: id, handler })
        return replayed === 0 ? `${handler}: is pending already.` : `${handler}: made pending.`
      })
    })
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
  return {
    node: card('Jobs', list, none),
    show: (/** @type {any[]} */ jobs) =>
      sync(list, jobs, { keyOf: ({ handler }) => handler, create, none }),
  }
}

/** @param {any} job */
function describeDue(job) {
  if (job.state !== 'pending') return []
  const attempts = job.attempt > 0 ? `, after ${count(job.attempt, 'attempt')}` : ''
  return job.due_at === null ? [] : ['due ', timeNode(job.due_at), attempts]
}

/** @param {any} attempt */
function createAttempt(attempt) {
  const error = make('td', 'error', attempt.error === null ? '' : cut(attempt.error, 4_000))
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
