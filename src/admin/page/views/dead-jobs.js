// @ts-check
import { ask, post } from '../parts/api.js'
import { button } from '../parts/buttons.js'
import { card, emptyLine, link, make, table, write } from '../parts/elements.js'
import { count, cut, showNumber } from '../parts/format.js'
import { createPages } from '../parts/pages.js'
import { writeRoute } from '../parts/route.js'
import { sync, syncUnlessHeld } from '../parts/sync.js'
import { timeNode } from '../parts/times.js'

const PAGE = 50

/**
 * The dead jobs of a handler, to be replayed one by one or a selection of them.
 * @param {{ name: string, cursor: string | null, notice: ReturnType<typeof import('../parts/notice.js').createNotice>, onReplayed: () => Promise<void> }} options
 */
export function createDeadJobs({ name, cursor, notice, onReplayed }) {
  /** Events of the jobs that are ticked. @type {Set<string>} */
  const ticked = new Set()
  /** @type {any[]} */
  let shown = []

  const every = tickBox('Choose all of this page')
  const { node: list, body } = table([
    '',
    'Event',
    'Died',
    ['Attempts', 'number'],
    'Last error',
    ['', 'number'],
  ])
  list.querySelector('th').append(every)
  const none = emptyLine('No job is dead.')
  list.classList.add('dead-jobs')
  const chosen = button('Replay selected', () => replay([...ticked]))
  const pages = createPages(['handlers', name], {}, cursor)
  pages.node.prepend(chosen)
  const node = card('Dead jobs', make('div', 'scroll', list), none, pages.node)

  every.addEventListener('change', () => {
    for (const { event } of shown) every.checked ? ticked.add(event) : ticked.delete(event)
    draw(true)
  })

  function replay(/** @type {string[]} */ events) {
    return notice.run(async () => {
      const jobs = events.map((event) => ({ event, handler: name }))
      const { replayed } = await post('api/jobs/replay', { jobs })
      for (const event of events) ticked.delete(event)
      await Promise.all([refresh(true), onReplayed()])
      return `${count(replayed, 'job')} made pending.`
    })
  }

  const create = (/** @type {any} */ job) => {
    const box = tickBox(`Choose the job of event ${job.event}`)
    box.addEventListener('change', () => {
      box.checked ? ticked.add(job.event) : ticked.delete(job.event)
      draw(true)
    })
    const row = make(
      'tr',
      '',
      make('td', '', box),
      make('td', 'whole', link(writeRoute(['events', job.event]), '', `#${job.event}`)),
      make('td', '', timeNode(diedAt(job))),
      make('td', 'number', showNumber(job.attempt)),
      make('td', 'error', cut((job.last_error ?? '').split('\n', 1)[0])),
      make(
        'td',
        'number',
        button('Replay', () => replay([job.event]), { label: `Replay event ${job.event}` }),
      ),
    )
    const update = () => {
      box.checked = ticked.has(job.event)
    }
    return { node: row, update }
  }

  function draw(/** @type {boolean} */ isByHand) {
    // One that has died again is another row.
    const keyOf = (/** @type {any} */ job) => `${job.event} ${diedAt(job)}`
    const how = { keyOf, create, none }
    if (isByHand) sync(body, shown, how)
    else syncUnlessHeld(body, shown, how)
    list.hidden = shown.length === 0
    every.checked = shown.length > 0 && shown.every(({ event }) => ticked.has(event))
    write(chosen, `Replay selected (${showNumber(ticked.size)})`)
    chosen.disabled = ticked.size === 0
    chosen.hidden = shown.length === 0
  }

  async function refresh(/** @type {boolean} */ isByHand) {
    const asked = new URLSearchParams({ handler: name, state: 'dead', limit: String(PAGE) })
    if (cursor !== null) asked.set('cursor', cursor)
    const answer = await ask(`api/jobs?${asked}`, { isByHand })
    shown = answer.jobs
    pages.show(answer.cursor)
    const events = new Set(shown.map(({ event }) => event))
    for (const event of ticked) if (!events.has(event)) ticked.delete(event)
    draw(isByHand)
  }

  return { node, refresh }
}

/** @param {any} job @returns {string | null} */
const diedAt = (job) => job.attempts.at(-1)?.ended_at ?? null

/** @param {string} name */
function tickBox(name) {
  const box = make('input')
  box.type = 'checkbox'
  box.setAttribute('aria-label', name)
  return box
}
