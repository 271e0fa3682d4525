// @ts-check
import { card, emptyLine, make } from '../../parts/elements.js'
import { createEventTable, showEvents } from '../../parts/event-rows.js'

export function createLatest() {
  const list = createEventTable()
  const none = emptyLine(
    'No event yet. Register this receiver’s address in Mailtrap, or try it with a signed sample: ',
    make('code', '', 'mailtrap-receiver send'),
  )
  const node = card('Latest events', list.node, none)
  node.classList.add('wide')
  return { node, show: (/** @type {any[]} */ events) => showEvents(list, events, none) }
}
