// @ts-check
import { ask, NoAnswer, post } from './parts/api.js'
import { make, mark, write } from './parts/elements.js'
import { createPlaces } from './parts/places.js'
import { readRoute } from './parts/route.js'
import { clockTime, keepTimesToday, zoneText } from './parts/times.js'
import { openLogin } from './views/login.js'
import { openView } from './views/open-view.js'
import { createReplayAll } from './views/replay-all.js'

/**
 * The dashboard: shows the view that the address names, and asks for news every two seconds while
 * somebody looks.
 * @typedef {import('./views/open-view.js').View} View
 */
const POLL_MS = 2_000

const find = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id))

/** @type {View | undefined} */
let view
let timer = 0
/** Answers of a view that was left meanwhile are dropped. */
let turn = 0
let knowsSession = false
const places = createPlaces()
/** One for each handler: a replay goes on when its handler's view is left. */
const replays = new Map()

/** @param {string} handler @returns {ReturnType<typeof createReplayAll>} */
function replayAllOf(handler) {
  if (!replays.has(handler)) replays.set(handler, createReplayAll(handler))
  return replays.get(handler)
}

/** Each view draws into an element of its own: a late answer to one that was left is seen by nobody. @param {boolean} isBusy */
function clearView(isBusy) {
  const root = make('div', 'view')
  find('view').replaceChildren(root)
  find('view').setAttribute('aria-busy', String(isBusy))
  return root
}

function showRoute() {
  const route = readRoute(location.hash)
  tell('waiting', 'Loading…')
  view = openView(clearView(true), route, replayAllOf)
  document.title = `${view.title} · mailtrap-receiver`
  for (const link of find('nav').children) {
    if (link.dataset.view === route.view) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  const top = places.arrive()
  void look(true).then(() => scrollTo(0, top))
}

function goElsewhere() {
  places.leave()
  showRoute()
  find('view').focus({ preventScroll: true })
}

/** @param {boolean} isByHand */
async function look(isByHand) {
  clearTimeout(timer)
  const mine = ++turn
  let waitMs = /** @type {number | undefined} */ (POLL_MS)
  try {
    if (!document.hidden) {
      await Promise.all([readSession(), view?.refresh(isByHand)])
      if (mine !== turn) return
      tell('live', 'Live')
      find('view').setAttribute('aria-busy', 'false')
      keepTimesToday(find('view'))
      write(find('updated'), clockTime(Date.now()))
    }
  } catch (error) {
    if (mine !== turn) return
    waitMs = fail(error)
  }
  if (waitMs !== undefined) timer = window.setTimeout(() => void look(false), waitMs)
}

/** Answers how long to wait before the next try; undefined: not at all. @param {unknown} error */
function fail(error) {
  if (!(error instanceof NoAnswer)) {
    tell('lost', 'This page failed. Reload it.')
    reportError(error)
    return undefined
  }
  if (error.status === 401) {
    showLogin()
    return undefined
  }
  if (error.waitMs === undefined) {
    tell('lost', 'Stopped')
    showProblem(error.message)
  } else tell('lost', `${error.message} Trying again…`)
  return error.waitMs
}

/** Above what stands there: a form that can be corrected, an event that was just erased. @param {string} text */
function showProblem(text) {
  const line = make('p', 'card problem', text)
  line.setAttribute('role', 'alert')
  find('view').setAttribute('aria-busy', 'false')
  find('view').firstElementChild.prepend(line)
}

function showLogin() {
  knowsSession = false
  find('nav').hidden = true
  find('logout').hidden = true
  find('footer').hidden = true
  tell('waiting', 'Signed out')
  view = openLogin(clearView(false), showRoute)
  document.title = `${view.title} · mailtrap-receiver`
}

/** Asked once: whether there is something to sign out of. */
async function readSession() {
  if (knowsSession) return
  const { session, version } = await ask('api/session')
  knowsSession = true
  find('nav').hidden = false
  find('footer').hidden = false
  find('logout').hidden = session !== 'cookie'
  write(find('version'), version)
}

/** @param {string} state @param {string} text */
function tell(state, text) {
  mark(find('connection'), state)
  write(find('connection'), text)
}

find('logout').addEventListener('click', () => {
  post('api/logout').then(showLogin, (error) => tell('lost', error.message))
})
addEventListener('hashchange', goElsewhere)
find('skip').addEventListener('click', (/** @type {Event} */ event) => {
  // Its address is no view's: that of the view stays.
  event.preventDefault()
  find('view').focus()
})
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && timer !== 0) void look(false)
})

write(find('zone'), zoneText())
showRoute()
