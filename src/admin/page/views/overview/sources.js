// @ts-check
import { card, emptyLine, link, make, table, write } from '../../parts/elements.js'
import { cut, showAgo, showNumber } from '../../parts/format.js'
import { writeRoute } from '../../parts/route.js'
import { sync } from '../../parts/sync.js'

export function createSources() {
  const { node, body } = table(['Source', 'Last batch', ['Since start', 'number']])
  const none = emptyLine('No source is configured here.')
  const create = (/** @type {any} */ { name, provider }) => {
    const last = make('td')
    const received = make('td', 'number')
    const filter = writeRoute(['events'], { source: name })
    const first = make('td', '', link(filter, '', make('bdi', '', cut(name, 60))))
    first.append(make('span', 'under', provider ?? 'not configured here'))
    const update = (/** @type {any} */ source) => {
      write(last, showAgo(source.last_batch_at, Date.now()))
      write(received, showNumber(source.received))
    }
    return { node: make('tr', '', first, last, received), update }
  }
  return {
    node: card('Sources', node, none),
    show: (/** @type {any[]} */ sources) =>
      sync(body, sources, { keyOf: ({ name }) => name, create, none }),
  }
}
