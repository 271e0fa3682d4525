// @ts-check
import { ask } from '../parts/api.js'
import { card, emptyLine, link, make, mark, table, write } from '../parts/elements.js'
import { cut, showNumber } from '../parts/format.js'
import { explainHealth, healthState } from '../parts/handler-health.js'
import { createNotice } from '../parts/notice.js'
import { createPauseButton } from '../parts/pause-button.js'
import { writeRoute } from '../parts/route.js'
import { createSpark } from '../parts/spark.js'
import { sync } from '../parts/sync.js'

/** Every handler and how it does. @param {HTMLElement} root */
export function openHandlers(root) {
  const { node: list, body } = table([
    'Handler',
    ['Last hour', 'roomy'],
    ['Done', 'number roomy'],
    ['Failed', 'number roomy'],
    ['Pending', 'number'],
    ['Dead', 'number'],
    ['', 'number'],
  ])
  const none = emptyLine('No handler is loaded. A handler is a file in the folder HANDLERS.')
  const notice = createNotice()
  const create = (/** @type {any} */ { name }) => createRow(name, notice)
  root.replaceChildren(
    make('h1', 'unseen', 'Handlers'),
    card('Handlers', make('div', 'scroll', list), none, notice.node),
  )

  return {
    title: 'Handlers',
    async refresh(/** @type {boolean} */ isByHand) {
      const { handlers } = await ask('api/handlers', { isByHand })
      sync(body, handlers, { keyOf: (/** @type {any} */ { name }) => name, create, none })
    },
  }
}

/** @param {string} name @param {ReturnType<typeof createNotice>} notice */
function createRow(name, notice) {
  const health = make(
    'span',
    'health',
    link(writeRoute(['handlers', name]), '', make('bdi', '', cut(name, 64))),
  )
  const under = make('bdi', 'under')
  const spark = createSpark()
  const pause = createPauseButton(name, notice)
  const done = make('td', 'number roomy')
  const failed = make('td', 'number roomy')
  const pending = make('td', 'number')
  const dead = make('td', 'number')
  const first = make('td', '', health, under)
  const node = make('tr', '', first, make('td', 'roomy', spark.node), done, failed, pending, dead)
  node.append(make('td', 'number', pause.node))
  const update = (/** @type {any} */ handler) => {
    const { recent, jobs } = handler
    mark(health, healthState(handler))
    write(under, explainHealth(handler))
    spark.show(recent.done_by_minute, recent.failed_by_minute)
    write(done, showNumber(recent.done))
    write(failed, showNumber(recent.retry + recent.dead))
    write(pending, showNumber(jobs.pending))
    write(dead, showNumber(jobs.dead))
    pause.show(handler)
  }
  return { node, update }
}
