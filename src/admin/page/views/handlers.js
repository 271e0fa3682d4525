// @ts-check
import { ask } from '../parts/api.js'
import { card, emptyLine, make, table, write } from '../parts/elements.js'
import { showNumber } from '../parts/format.js'
import { createHandlerCells } from '../parts/handler-cells.js'
import { createNotice } from '../parts/notice.js'
import { createPauseButton } from '../parts/pause-button.js'
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
  const cells = createHandlerCells(name)
  const pause = createPauseButton(name, notice)
  const done = make('td', 'number roomy')
  const failed = make('td', 'number roomy')
  const { who, lastHour, pending, dead } = cells
  const node = make('tr', '', who, lastHour, done, failed, pending, dead)
  node.append(make('td', 'number', pause.node))
  const update = (/** @type {any} */ handler) => {
    const { recent } = handler
    cells.update(handler)
    write(done, showNumber(recent.done))
    write(failed, showNumber(recent.retry + recent.dead))
    pause.show(handler)
  }
  return { node, update }
}
