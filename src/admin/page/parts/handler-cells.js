// @ts-check
import { link, make, mark, write } from './elements.js'
import { cut, showNumber } from './format.js'
import { explainHealth, healthState } from './handler-health.js'
import { writeRoute } from './route.js'
import { createSpark } from './spark.js'

/** The cells that every table of handlers has, to be put into its row. @param {string} name */
export function createHandlerCells(name) {
  const health = make(
    'span',
    'health',
    link(writeRoute(['handlers', name]), '', make('bdi', '', cut(name, 64))),
  )
  const under = make('bdi', 'under')
  const spark = createSpark()
  const pending = make('td', 'number')
  const dead = make('td', 'number')
  return {
    who: make('td', '', health, under),
    lastHour: make('td', 'roomy', spark.node),
    pending,
    dead,
    update(/** @type {any} */ handler) {
      mark(health, healthState(handler))
      write(under, explainHealth(handler))
      spark.show(handler.recent.done_by_minute, handler.recent.failed_by_minute)
      write(pending, showNumber(handler.jobs.pending))
      write(dead, showNumber(handler.jobs.dead))
    },
  }
}
