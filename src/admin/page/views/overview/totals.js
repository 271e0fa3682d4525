// @ts-check
import { make, mark, write } from '../../parts/elements.js'
import { showAge, showAgo, showDuration, showNumber } from '../../parts/format.js'
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
  const keyOf = (/** @type {any} */ { name }) => name
  const heading = make('h2', 'unseen', 'Figures')
  return {
    node: make('section', 'wide', heading, list),
    show: (/** @type {any} */ stats, /** @type {any} */ ack) =>
      sync(list, listTotals(stats, ack), { keyOf, create }),
    /** What is known while the store is away. */
    showAway: (/** @type {any} */ known, /** @type {any} */ ack) =>
      sync(list, listAway(known, ack), { keyOf, create }),
  }
}

/** @param {any} stats @param {any} ack */
function listTotals(stats, ack) {
  const { events_per_second: rate } = stats.rates
  const jobs = /** @type {any[]} */ (Object.values(stats.jobs))
  const dead = sum(jobs.map((one) => one.dead))
  const oldest = stats.oldest_pending_seconds
  const { received } = stats.batches
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
    ackTile(ack),
    ...(stats.spool?.waiting > 0 ? [spoolTile(stats.spool)] : []),
    {
      name: 'Backlog',
      figure: showNumber(stats.backlog),
      under: stats.backlog > 0 ? `oldest received ${showAge(oldest)} ago` : 'nothing waits',
      state: stats.backlog > 0 && oldest > OLD_SECONDS ? 'late' : '',
    },
    {
      name: 'Dead jobs',
      figure: showNumber(dead),
      under: dead > 0 ? 'gave up; replay them' : 'no job gave up',
      state: dead > 0 ? 'dead' : '',
    },
    refusedTile(stats),
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

/** @param {any} known @param {any} ack */
function listAway({ spool, ...known }, ack) {
  const under = spool ? 'batches are kept in the spool' : 'the provider sends again'
  const away = { name: 'Store', figure: 'away', under, state: 'dead' }
  return [away, ...(spool ? [spoolTile(spool)] : []), ackTile(ack), refusedTile(known)]
}

/** @param {any} ack */
function ackTile(ack) {
  const under = `99 % within ${showDuration(ack.p99_ms)}`
  return { name: 'Acknowledged in', figure: showDuration(ack.p50_ms), under }
}

/** @param {any} known */
function refusedTile({ batches }) {
  return { name: 'Refused', figure: showNumber(batches.refused), under: 'requests since the start' }
}

/** @param {any} spool */
function spoolTile({ waiting, waiting_since: since, disk_used_percent: used }) {
  return {
    name: 'Spool',
    figure: showNumber(waiting),
    under: waiting > 0 ? `batches, first ${showAgo(since, Date.now())}` : `disk ${used} % full`,
    state: waiting > 0 ? 'late' : '',
  }
}
