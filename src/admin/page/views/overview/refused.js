// @ts-check
import { card, emptyLine, make, write } from '../../parts/elements.js'
import { showNumber, words } from '../../parts/format.js'
import { rank } from '../../parts/rank.js'
import { sync } from '../../parts/sync.js'

export function createRefused() {
  const list = make('ul', 'measures')
  const none = emptyLine('Nothing was refused since the start.')
  const create = () => {
    const name = make('bdi')
    const figure = make('span', 'number')
    const node = make('li', '', name, figure)
    const update = (/** @type {any} */ item) => {
      write(name, words(item.name))
      write(figure, showNumber(item.count))
      node.style.setProperty('--share', String(item.share))
    }
    return { node, update }
  }
  return {
    node: card('Requests refused', list, none),
    show: (/** @type {any} */ reasons) =>
      sync(list, rank(reasons), { keyOf: ({ name }) => name, create, none }),
  }
}
