// @ts-check
import { ask } from '../parts/api.js'
import { card, link, make, mark, write } from '../parts/elements.js'
import { createPill } from '../parts/event-rows.js'
import { cut } from '../parts/format.js'
import { writeRoute } from '../parts/route.js'
import { sync } from '../parts/sync.js'
import { timeNode } from '../parts/times.js'

const MOST_STEPS = 100

/** Events that belong together, in the order in which they occurred. @param {'message_id' | 'event_id'} name what its events have in common @param {string} title */
export function createTimeline(name, title) {
  const list = make('ol', 'timeline')
  const more = make('p', 'soft')
  const node = card(title, list, more)
  node.classList.add('wide')
  node.hidden = true
  return {
    node,
    async refresh(/** @type {any} */ event, /** @type {boolean} */ isByHand) {
      const value = event[name]
      if (value === null) return
      const asked = new URLSearchParams({ limit: String(MOST_STEPS), [name]: value })
      const { events, cursor } = await ask(`api/events?${asked}`, { isByHand })
      const isShown = events.some((/** @type {any} */ one) => one.id === event.id)
      const sorted = (isShown ? events : [...events, event]).sort(byTime)
      const create = (/** @type {any} */ one) => timelineStep(one, one.id === event.id)
      if (sorted.length < 2) return
      sync(list, sorted, { keyOf: ({ id }) => id, create })
      node.hidden = false
      if (cursor === null || more.childElementCount > 0) return
      const all = link(writeRoute(['events'], { [name]: value }), '', 'All of them')
      more.append(`The newest ${MOST_STEPS}; there are more. `, all)
    },
  }
}

const whenOf = (/** @type {any} */ event) => event.occurred_at ?? event.received_at
const byTime = (/** @type {any} */ a, /** @type {any} */ b) =>
  whenOf(a).localeCompare(whenOf(b)) || a.id - b.id

/** @param {any} event @param {boolean} isThis */
function timelineStep(event, isThis) {
  const name = link(writeRoute(['events', event.id]), '', make('bdi', '', cut(event.type, 60)))
  if (isThis) name.setAttribute('aria-current', 'true')
  const about = event.recipient === null ? '' : cut(event.recipient, 100)
  const pill = createPill(event.state)
  const node = make('li', '', name, pill, timeNode(whenOf(event)), make('bdi', 'soft', about))
  const update = (/** @type {any} */ { state }) => {
    mark(node, state)
    mark(pill, state)
    write(pill, state)
  }
  return { node, update }
}
