// @ts-check
import { count, cut } from './format.js'

/** The state by which a handler's dot is coloured. @param {any} handler */
export function healthState(handler) {
  if (handler.paused_since !== null) return 'paused'
  if (handler.running) return isFailing(handler.recent) ? 'failing' : 'running'
  return handler.restarts === null ? 'gone' : 'stopped'
}

/** @param {any} handler */
export function explainHealth(handler) {
  const state = healthState(handler)
  const text = {
    paused: 'paused; its jobs wait',
    running: 'running',
    failing: 'running, but every attempt of the last hour failed',
    stopped: 'not running',
    gone: 'not running here; its jobs wait for a process that does',
  }[state]
  const restarts = handler.restarts > 0 ? `, ${count(handler.restarts, 'restart')}` : ''
  const problem =
    handler.last_problem === null ? '' : `, last problem: ${cut(handler.last_problem)}`
  return `${text}${restarts}${problem}`
}

/** @param {any} recent */
function isFailing({ done, retry, dead }) {
  return done === 0 && retry + dead > 0
}
