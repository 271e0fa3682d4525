// @ts-check
import { card, link, make, mark, write } from '../../parts/elements.js'
import { showNumber } from '../../parts/format.js'
import { writeRoute } from '../../parts/route.js'
import { sync } from '../../parts/sync.js'

const STATES = ['pending', 'done', 'dead', 'unhandled', 'conflict', 'stale']

export function createStates() {
  const bar = make('div', 'bar')
  bar.setAttribute('aria-hidden', 'true')
  const legend = make('ul', 'legend')
  const node = card('Events by state', bar, legend)
  node.classList.add('wide')
  const createSegment = () => {
    const segment = make('span')
    const update = (/** @type {any} */ item) => {
      mark(segment, item.state)
      segment.hidden = item.n === 0
      segment.style.setProperty('--share', String(item.n))
    }
    return { node: segment, update }
  }
  const createKey = (/** @type {any} */ { state }) => {
    const figure = make('b')
    const name = link(writeRoute(['events'], { state }), '', state)
    const item = make('li', '', name, ' ', figure)
    mark(item, state)
    return { node: item, update: (/** @type {any} */ one) => write(figure, showNumber(one.n)) }
  }
  return {
    node,
    show(/** @type {any} */ stats) {
      const states = STATES.map((state) => ({ state, n: stats.events.by_state[state] ?? 0 }))
      const keyOf = (/** @type {any} */ item) => item.state
      sync(bar, states, { keyOf, create: createSegment })
      sync(legend, states, { keyOf, create: createKey })
    },
  }
}
