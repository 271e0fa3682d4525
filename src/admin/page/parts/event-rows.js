// @ts-check
import { link, make, mark, table, write } from './elements.js'
import { count, cut } from './format.js'
import { writeRoute } from './route.js'
import { syncUnlessHeld } from './sync.js'
import { timeNode } from './times.js'

const COLUMNS = /** @type {(string | [string, string])[]} */ ([
  'Received',
  'Event',
  ['Source', 'roomy'],
  'State',
])

/** On a phone its rows are laid out in another way. */
export function createEventTable() {
  const { node, body } = table(COLUMNS)
  node.classList.add('events')
  const held = make('caption', 'held')
  node.prepend(held)
  return { node, body, held }
}

/** @param {any} event */
function createRow(event) {
  const name = link(writeRoute(['events', event.id]), '', make('bdi', '', cut(event.type, 60)))
  const about = cut(event.recipient ?? event.event_id ?? event.id, 100)
  const under = make('bdi', 'under', event.is_test ? `${about}, a test` : about)
  const pill = createPill(event.state)
  const node = make(
    'tr',
    '',
    make('td', '', timeNode(event.received_at)),
    make('td', '', name, under),
    make('td', 'roomy', make('bdi', '', cut(event.source, 60))),
    make('td', '', pill),
  )
  const update = (/** @type {any} */ { state }) => {
    write(pill, state)
    mark(pill, state)
  }
  return { node, update }
}

/** @param {string} state */
export function createPill(state) {
  const pill = make('span', 'pill', state)
  mark(pill, state)
  return pill
}

/** @param {ReturnType<typeof createEventTable>} list @param {any[]} events @param {HTMLElement} none */
export function showEvents({ node, body, held }, events, none) {
  node.hidden = events.length === 0
  const more = syncUnlessHeld(body, events, { keyOf: ({ id }) => id, create: createRow, none })
  write(held, more > 0 ? `${count(more, 'newer event')}: shown when you leave the list` : '')
}
