// @ts-check
import { make, mark, write } from '../../parts/elements.js'
import { showAge, showDuration, showNumber } from '../../parts/format.js'
import { sum } from '../../parts/stack-bars.js'
import { sync } from '../../parts/sync.js'

/** Older than this, and somebody should look. */
const OLD_SECONDS = 300

export function createTotals() {
  const list = make('dl', 'tiles')
  const create = () => {
    const name = make('dt')
    const figure = make('dd')
    const under = make('dd', 'under')
    const node = make('div', '', name, figure, under)
    const update = (/** @type {any} */ item) => {
      write(name, item.name)
      write(figure, item.figure)
      write(under, item.under)
      mark(node, item.state ?? '')
    }
    return { node, update }
  }
  const heading = make('h2', 'unseen', 'Figures')
  return {
    node: make('section', 'wide', heading, list),
    show: (/** @type {any} */ stats, /** @type {any} */ ack) =>
      sync(list, listTotals(stats, ack), { keyOf: ({ name }) => name, create }),
  }
}

/** @param {any} stats @param {any} ack */
function listTotals(stats, ack) {
  const { events_per_second: rate } = stats.rates
  const jobs = /** @type {any[]} */ (Object.values(stats.jobs))
  const dead = sum(jobs.map((one) => one.dead))
  const oldest = stats.oldest_pending_seconds
  const { received, refused } = stats.batches
  return [
    {
      name: 'Events / s',
      figure: rate === null ? '–' : showNumber(rate),
      under: `${showNumber(stats.events.total)} kept`,
    },
    {
      name: 'Batches',
      figure: showNumber(received),
      under: `${showNumber(stats.duplicates)} events sent twice`,
    },
    {
      name: 'Acknowledged in',
      figure: showDuration(ack.p50_ms),
      under: `99 % within ${showDuration(ack.p99_ms)}`,
    },
    {
      name: 'Backlog',
      figure: showNumber(stats.backlog),
      under: stats.backlog > 0 ? `oldest waits ${showAge(oldest)}` : 'nothing waits',
      state: stats.backlog > 0 && oldest > OLD_SECONDS ? 'late' : '',
    },
    {
      name: 'Dead jobs',
      figure: showNumber(dead),
      under: 'gave up; replay them',
      state: dead > 0 ? 'dead' : '',
    },
    { name: 'Refused', figure: showNumber(refused), under: 'requests since the start' },
    {
      name: 'Quarantined',
      figure: showNumber(stats.quarantined),
      under: 'pieces nobody could read',
      state: stats.quarantined > 0 ? 'late' : '',
    },
    {
      name: 'Conflicts',
      figure: showNumber(stats.conflicts),
      under: 'same id, other content',
      state: stats.conflicts > 0 ? 'late' : '',
    },
  ]
}
