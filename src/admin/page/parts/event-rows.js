// @ts-check
import { link, make, mark, table, write } from './elements.js'
import { cut } from './format.js'
import { writeRoute } from './route.js'
import { sync } from './sync.js'
import { timeNode } from './times.js'

const COLUMNS = /** @type {(string | [string, string])[]} */ ([
  'Received',
  'Event',
  ['Source', 'roomy'],
  'State',
])

/** On a phone its rows are laid out in another way. */
export function createEventTable() {
  const made = table(COLUMNS)
  made.node.classList.add('events')
  return made
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

/** @param {HTMLElement} body @param {any[]} events @param {HTMLElement} [none] */
export function showEvents(body, events, none) {
  sync(body, events, { keyOf: ({ id }) => id, create: createRow, ...(none && { none }) })
}
