// @ts-check
import { card, emptyLine, link, make, mark, table, write } from '../../parts/elements.js'
import { cut, showNumber } from '../../parts/format.js'
import { explainHealth, healthState } from '../../parts/handler-health.js'
import { writeRoute } from '../../parts/route.js'
import { createSpark } from '../../parts/spark.js'
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
    const health = make(
      'span',
      'health',
      link(writeRoute(['handlers', name]), '', make('bdi', '', cut(name, 64))),
    )
    const under = make('bdi', 'under')
    const spark = createSpark()
    const pending = make('td', 'number')
    const dead = make('td', 'number')
    const row = make(
      'tr',
      '',
      make('td', '', health, under),
      make('td', 'roomy', spark.node),
      pending,
      dead,
    )
    const update = (/** @type {any} */ handler) => {
      mark(health, healthState(handler))
      write(under, explainHealth(handler))
      write(pending, showNumber(handler.jobs.pending))
      write(dead, showNumber(handler.jobs.dead))
      spark.show(handler.recent.done_by_minute, handler.recent.failed_by_minute)
    }
    return { node: row, update }
  }
  return {
    node: card('Handlers', node, none),
    show: (/** @type {any[]} */ handlers) =>
      sync(body, handlers, { keyOf: ({ name }) => name, create, none }),
  }
}
