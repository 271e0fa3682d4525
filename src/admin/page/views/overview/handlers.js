// @ts-check
import { card, emptyLine, make, table } from '../../parts/elements.js'
import { createHandlerCells } from '../../parts/handler-cells.js'
import { sync } from '../../parts/sync.js'

export function createHandlers() {
  const { node, body } = table([
    'Handler',
    ['Last hour', 'roomy'],
    ['Pending', 'number'],
    ['Dead', 'number'],
  ])
  const none = emptyLine('No handler is loaded.')
  const create = (/** @type {any} */ { name }) => {
    const { who, lastHour, pending, dead, update } = createHandlerCells(name)
    return { node: make('tr', '', who, lastHour, pending, dead), update }
  }
  return {
    node: card('Handlers', node, none),
    show: (/** @type {any[]} */ handlers) =>
      sync(body, handlers, { keyOf: ({ name }) => name, create, none }),
  }
}
