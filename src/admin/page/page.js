// @ts-check
import { ask, NoAnswer, post } from './parts/api.js'
import { mark, write } from './parts/elements.js'
import { readRoute } from './parts/route.js'
import { clockTime } from './parts/times.js'
import { openEvent } from './views/event.js'
import { openEvents } from './views/events.js'
import { openHandler } from './views/handler.js'
import { openHandlers } from './views/handlers.js'
import { openLogin } from './views/login.js'
import { openOverview } from './views/overview.js'
import { openPiece } from './views/piece.js'
import { openQuarantine } from './views/quarantine.js'

/**
 * The dashboard: shows the view that the address names, and asks for news every two seconds while
 * somebody looks.
 * @typedef {{ title: string, refresh: (isByHand: boolean) => Promise<void>, close?: () => void }} View
 */
const POLL_MS = 2_000

const find = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id))

/** @type {View | undefined} */
let view
let timer = 0
/** Answers of a view that was left meanwhile are dropped. */
let turn = 0
let knowsSession = false

/** @param {ReturnType<typeof readRoute>} route @returns {View} */
function open({ view: name, rest, query }) {
  const root = find('view')
  const [id] = rest
  if (name === 'events') {
    return id === undefined ? openEvents(root, query) : openEvent(root, id)
  }
  if (name === 'handlers') return id === undefined ? openHandlers(root) : openHandler(root, id)
  if (name === 'quarantine') return id === undefined ? openQuarantine(root) : openPiece(root, id)
  return openOverview(root, query)
}

function showRoute() {
  const route = readRoute(location.hash)
  view?.close?.()
  find('view').replaceChildren()
  view = open(route)
  document.title = `${view.title} · mailtrap-receiver`
  for (const link of find('nav').children) {
    if (link.dataset.view === route.view) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  void look(true)
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
  tell('lost', error.message)
  if (error.waitMs === undefined) showProblem(error.message)
  return error.waitMs
}

/** @param {string} text */
function showProblem(text) {
  const line = document.createElement('p')
  line.className = 'card problem'
  line.textContent = text
  find('view').replaceChildren(line)
}

function showLogin() {
  view?.close?.()
  knowsSession = false
  find('nav').hidden = true
  find('logout').hidden = true
  find('footer').hidden = true
  tell('waiting', 'Signed out')
  view = openLogin(find('view'), showRoute)
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
addEventListener('hashchange', () => {
  // The link to the content is no view.
  if (location.hash !== '#view') showRoute()
})
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && timer !== 0) void look(false)
})

showRoute()
