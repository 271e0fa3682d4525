// @ts-check
import { ask, post } from '../parts/api.js'
import { button, card, emptyLine, link, make, table, write } from '../parts/elements.js'
import { count, cut, showNumber } from '../parts/format.js'
import { writeRoute } from '../parts/route.js'
import { sync } from '../parts/sync.js'
import { timeNode } from '../parts/times.js'

const PAGE = 50

/** The dead jobs of a handler, to be replayed one by one or a selection of them. @param {string} name @param {ReturnType<typeof import('../parts/notice.js').createNotice>} notice */
export function createDeadJobs(name, notice) {
  /** Events of the jobs that are ticked. @type {Set<string>} */
  const ticked = new Set()
  /** Where the pages begin that were passed on the way here. @type {string[]} */
  const cursors = []
  /** @type {any[]} */
  let shown = []
  /** @type {string | null} */
  let next = null

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
  const chosen = button('Replay selected', () => replay([...ticked]))
  const newer = button('Newer', () => turn(() => cursors.pop()))
  const older = button('Older', () => turn(() => next !== null && cursors.push(next)))
  const actions = make('p', 'actions', chosen, newer, older)
  const node = card('Dead jobs', make('div', 'scroll', list), none, actions)

  every.addEventListener('change', () => {
    for (const { event } of shown) every.checked ? ticked.add(event) : ticked.delete(event)
    draw()
  })

  function turn(/** @type {() => unknown} */ move) {
    move()
    ticked.clear()
    void refresh(true)
  }

  function replay(/** @type {string[]} */ events) {
    void notice.run(async () => {
      const jobs = events.map((event) => ({ event, handler: name }))
      const { replayed } = await post('api/jobs/replay', { jobs })
      for (const event of events) ticked.delete(event)
      await refresh(true)
      return `${count(replayed, 'job')} made pending.`
    })
  }

  const create = (/** @type {any} */ job) => {
    const box = tickBox(`Choose the job of event ${job.event}`)
    box.addEventListener('change', () => {
      box.checked ? ticked.add(job.event) : ticked.delete(job.event)
      draw()
    })
    const row = make(
      'tr',
      '',
      make('td', '', box),
      make('td', '', link(writeRoute(['events', job.event]), '', `#${job.event}`)),
      make('td', '', timeNode(job.attempts.at(-1)?.ended_at ?? null)),
      make('td', 'number', showNumber(job.attempt)),
      make('td', 'error', cut((job.last_error ?? '').split('\n', 1)[0])),
      make(
        'td',
        'number',
        button('Replay', () => replay([job.event])),
      ),
    )
    const update = () => {
      box.checked = ticked.has(job.event)
    }
    return { node: row, update }
  }

  function draw() {
    sync(body, shown, { keyOf: ({ event }) => event, create, none })
    list.hidden = shown.length === 0
    every.checked = shown.length > 0 && shown.every(({ event }) => ticked.has(event))
    write(chosen, `Replay selected (${showNumber(ticked.size)})`)
    chosen.disabled = ticked.size === 0
    chosen.hidden = shown.length === 0
    newer.hidden = cursors.length === 0
    older.hidden = next === null
  }

  async function refresh(/** @type {boolean} */ isByHand) {
    const cursor = cursors.at(-1)
    const asked = new URLSearchParams({ handler: name, state: 'dead', limit: String(PAGE) })
    if (cursor !== undefined) asked.set('cursor', cursor)
    const answer = await ask(`api/jobs?${asked}`, { isByHand })
    shown = answer.jobs
    next = answer.cursor
    const events = new Set(shown.map(({ event }) => event))
    for (const event of ticked) if (!events.has(event)) ticked.delete(event)
    draw()
  }

  return { node, refresh }
}

/** @param {string} name */
function tickBox(name) {
  const box = make('input')
  box.type = 'checkbox'
  box.setAttribute('aria-label', name)
  return box
}
