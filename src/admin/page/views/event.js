// @ts-check
import { ask, post } from '../parts/api.js'
import { button, carefulButton } from '../parts/buttons.js'
import { card, link, make, mark, write } from '../parts/elements.js'
import { createPill } from '../parts/event-rows.js'
import { factList } from '../parts/facts.js'
import { cut, showNumber } from '../parts/format.js'
import { createNotice } from '../parts/notice.js'
import { createPayload } from '../parts/payload.js'
import { writeRoute } from '../parts/route.js'
import { exactTime } from '../parts/times.js'
import { createJobs } from './event-jobs.js'
import { createTimeline } from './timeline.js'

/** The events of the same message in order, and those with the same id: conflicts. */
const TIMELINES = /** @type {const} */ ([
  ['message_id', 'This message'],
  ['event_id', 'The same event id'],
])

/** One event: its exact text, its jobs, and the others of its message. @param {HTMLElement} root @param {string} id */
export function openEvent(root, id) {
  const notice = createNotice()
  const jobs = createJobs(id, notice)
  const pill = createPill('')
  const timelines = TIMELINES.map(([name, title]) => createTimeline(name, title))
  let isDrawn = false

  function draw(/** @type {any} */ event) {
    const payload = createPayload(event.payload)
    const exact = card('Payload', payload.node)
    exact.querySelector('h2').append(payload.chooser)
    const replay = carefulButton(
      'Run its handlers again',
      () => 'Really run its handlers again?',
      () =>
        notice.run(async () => {
          const { replayed } = await post('api/replay', { event: id })
          return replayed === 0
            ? 'No job to run: no handler wants it, or its jobs are pending already.'
            : `${showNumber(replayed)} made pending.`
        }),
    )
    const heading = make('h1', '', make('bdi', '', cut(event.type)), ' ', pill)
    const head = make('section', 'card wide', heading, listFacts(event))
    head.append(make('p', 'actions', replay, notice.node))
    const grid = make('div', 'grid', head, ...timelines.map(({ node }) => node), jobs.node, exact)
    exact.classList.add('wide')
    jobs.node.classList.add('wide')
    root.replaceChildren(backLink(), grid)
  }

  return {
    title: `Event ${id}`,
    async refresh(/** @type {boolean} */ isByHand) {
      const event = await ask(`api/events/${encodeURIComponent(id)}`, { isByHand })
      if (!isDrawn) draw(event)
      isDrawn = true
      write(pill, event.state)
      mark(pill, event.state)
      jobs.show(event)
      await Promise.all(timelines.map(({ refresh }) => refresh(event, isByHand)))
    },
  }
}

function backLink() {
  const back = button('← Back', () => history.back(), { className: 'plain' })
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
    ['Occurred', exactTime(event.occurred_at)],
    ['Received', exactTime(event.received_at)],
    ['Batch', `${event.batch}, piece ${event.position}`],
    ['Made by', event.is_test ? 'the provider’s test button: kept, never given to handlers' : null],
  ])
}
