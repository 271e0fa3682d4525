// @ts-check
import { ask, NoAnswer } from '../parts/api.js'
import { button } from '../parts/buttons.js'
import { card, emptyLine, link, make, mark, table, write } from '../parts/elements.js'
import { factList } from '../parts/facts.js'
import { count, cut, showNumber } from '../parts/format.js'
import { explainHealth, healthState } from '../parts/handler-health.js'
import { createNotice } from '../parts/notice.js'
import { createPauseButton } from '../parts/pause-button.js'
import { writeRoute } from '../parts/route.js'
import { sync } from '../parts/sync.js'
import { timeNode } from '../parts/times.js'
import { createDeadJobs } from './dead-jobs.js'

/** Failures are grouped from thousands of jobs: not at every look. */
const FAILURES_EVERY = 5

/**
 * One handler: how it is, what fails, and its dead jobs. `cursor` tells where the page of dead jobs
 * begins.
 * @param {HTMLElement} root
 * @param {{ name: string, cursor: string | null, replayAll: ReturnType<typeof import('./replay-all.js').createReplayAll> }} what
 */
export function openHandler(root, { name, cursor, replayAll }) {
  const notice = createNotice()
  const pause = createPauseButton(name, notice)
  const dead = createDeadJobs({ name, cursor, notice, onReplayed: () => showFailures(true) })
  const failures = createFailures((error) => replayAll.start(error))
  const path = `api/handlers/${encodeURIComponent(name)}/failures`
  const showFailures = async (/** @type {boolean} */ isByHand) =>
    failures.show(await ask(path, { isByHand }))
  const health = make('p', 'health')
  const facts = make('div')
  const heading = make('h1', '', make('bdi', '', cut(name, 64)))
  const head = card('', health, facts, make('p', 'actions', pause.node, notice.node))
  head.querySelector('h2').replaceWith(heading)
  for (const one of [head, failures.node, dead.node]) one.classList.add('wide')
  failures.node.append(replayAll.node)
  root.replaceChildren(make('div', 'grid', head, failures.node, dead.node))
  let looks = 0
  replayAll.onEnd(() => showFailures(true).catch(() => {}))

  return {
    title: name,
    async refresh(/** @type {boolean} */ isByHand) {
      const { handlers } = await ask('api/handlers', { isByHand })
      const handler = handlers.find((/** @type {any} */ one) => one.name === name)
      if (!handler) throw new NoAnswer('No handler of this name was ever loaded here.', 404)
      mark(health, healthState(handler))
      write(health, explainHealth(handler))
      const fresh = listFacts(handler)
      if (!facts.firstChild?.isEqualNode(fresh)) facts.replaceChildren(fresh)
      pause.show(handler)
      replayAll.show(handler.jobs.dead)
      if (looks++ % FAILURES_EVERY === 0) await showFailures(isByHand)
      await dead.refresh(isByHand)
    },
  }
}

/** @param {any} handler */
function listFacts({
  module,
  keys,
  takes_batches: takesBatches,
  jobs,
  recent,
  paused_since: paused,
}) {
  return factList([
    [
      'Jobs',
      `${showNumber(jobs.pending)} pending, ${showNumber(jobs.done)} done, ${showNumber(jobs.dead)} dead`,
    ],
    [
      'Attempts of this process in the last hour',
      `${showNumber(recent.done)} done, ${showNumber(recent.retry)} to be tried again, ${showNumber(recent.dead)} dead`,
    ],
    ['Handles', keys === null ? null : keys.join(', ')],
    [
      'Takes',
      takesBatches === null ? null : takesBatches ? 'many events at once' : 'one event at a time',
    ],
    ['Module', module],
    ['Paused since', paused === null ? null : timeNode(paused)],
  ])
}

/** @param {(error: string) => unknown} onReplay */
function createFailures(onReplay) {
  const { node: list, body } = table([
    'Error',
    ['Dead', 'number'],
    ['Retrying', 'number'],
    ['Newest', 'roomy'],
    ['', 'number'],
  ])
  list.classList.add('failures')
  const none = emptyLine('Nothing fails.')
  const partial = make('p', 'soft')
  const create = (/** @type {any} */ { error, event }) => {
    const dead = make('td', 'number')
    const retrying = make('td', 'number')
    const newest = make('td', 'roomy')
    const label = `Replay these: ${cut(error)}`
    const replay = button('Replay these', () => onReplay(error), { label })
    const text = make('td', 'error', link(writeRoute(['events', event]), '', cut(error)))
    const node = make('tr', '', text, dead, retrying, newest, make('td', 'number', replay))
    const update = (/** @type {any} */ group) => {
      write(dead, showNumber(group.dead))
      write(retrying, showNumber(group.retrying))
      newest.replaceChildren(timeNode(group.newest_at))
      replay.hidden = group.dead === 0
    }
    return { node, update }
  }
  return {
    node: card('Failures by error', make('div', 'scroll', list), none, partial),
    show(/** @type {any} */ { failures, examined, is_partial: isPartial }) {
      list.hidden = failures.length === 0
      sync(body, failures, { keyOf: (/** @type {any} */ { error }) => error, create, none })
      write(partial, isPartial ? `Of the newest ${count(examined, 'failed job')}.` : '')
    },
  }
}
