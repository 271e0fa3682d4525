// @ts-check
import { ask, NoAnswer } from '../parts/api.js'
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
import { createReplayAll } from './replay-all.js'

/** Failures are grouped from thousands of jobs: not at every look. */
const FAILURES_EVERY = 5

/** One handler: how it is, what fails, and its dead jobs. @param {HTMLElement} root @param {string} name */
export function openHandler(root, name) {
  const notice = createNotice()
  const pause = createPauseButton(name, notice)
  const replayAll = createReplayAll(name)
  const dead = createDeadJobs(name, notice)
  const failures = createFailures((error) => replayAll.start(error))
  const health = make('p', 'health')
  const facts = make('div')
  const heading = make('h1', '', make('bdi', '', cut(name, 64)))
  const head = card('', health, facts, make('p', 'actions', pause.node, notice.node))
  head.querySelector('h2').replaceWith(heading)
  for (const one of [head, failures.node, dead.node]) one.classList.add('wide')
  failures.node.append(replayAll.node)
  root.replaceChildren(make('div', 'grid', head, failures.node, dead.node))
  let looks = 0

  return {
    title: name,
    close: replayAll.stop,
    async refresh(/** @type {boolean} */ isByHand) {
      const { handlers } = await ask('api/handlers', { isByHand })
      const handler = handlers.find((/** @type {any} */ one) => one.name === name)
      if (!handler) throw new NoAnswer('No handler of this name was ever loaded here.', 404)
      mark(health, healthState(handler))
      write(health, explainHealth(handler))
      facts.replaceChildren(listFacts(handler))
      pause.show(handler)
      replayAll.show(handler.jobs.dead)
      if (looks++ % FAILURES_EVERY === 0) {
        failures.show(await ask(`api/handlers/${encodeURIComponent(name)}/failures`, { isByHand }))
      }
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
      'Attempts in the last hour',
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

/** @param {(error: string) => void} onReplay */
function createFailures(onReplay) {
  const { node: list, body } = table([
    'Error',
    ['Dead', 'number'],
    ['Retrying', 'number'],
    ['Newest', 'roomy'],
    ['', 'number'],
  ])
  const none = emptyLine('Nothing fails.')
  const partial = make('p', 'soft')
  const create = (/** @type {any} */ { error, event }) => {
    const dead = make('td', 'number')
    const retrying = make('td', 'number')
    const newest = make('td', 'roomy')
    const replay = make('button', '', 'Replay these')
    replay.type = 'button'
    replay.addEventListener('click', () => onReplay(error))
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
