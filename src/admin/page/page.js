/**
 * The status page. Events are written by strangers: their text goes into `textContent` and nowhere
 * else, and their names are looked up in Maps only.
 */
const POLL_MS = 2_000
const ANSWER_MS = 10_000
const SHOWN_TYPES = 10
const SHOWN_PIECES = 5
const LONGEST_TEXT = 200
const STATES = ['pending', 'done', 'dead', 'unhandled', 'conflict', 'stale']

const numbers = new Intl.NumberFormat('en')
const clock = new Intl.DateTimeFormat([], { timeStyle: 'medium' })
const calendar = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'medium' })

const find = (id) => document.getElementById(id)
const show = (value) => numbers.format(value ?? 0)
const words = (name) => name.replaceAll('_', ' ')

function cut(value) {
  const text = String(value ?? '')
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text
}

/** Writes only what has changed, so that a selection, and a screen reader, are left in peace. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text
}

function mark(node, state) {
  if (node.dataset.state !== state) node.dataset.state = state
}

/** An element with its class and children; texts become text nodes. */
function make(name, className, ...children) {
  const node = document.createElement(name)
  if (className) node.className = className
  node.append(...children)
  return node
}

const childrenByKey = new Map()

/**
 * Makes the children of `parent` one per item. Those that stay keep their element, and with it the
 * keyboard's focus. `create` answers `{ node, update }`.
 */
function sync(parent, items, keyOf, create) {
  const before = childrenByKey.get(parent) ?? new Map()
  const after = new Map()
  for (const item of items) {
    const child = before.get(keyOf(item)) ?? create(item)
    child.update?.(item)
    after.set(keyOf(item), child)
  }
  for (const [key, child] of before) if (!after.has(key)) child.node.remove()
  let place = parent.firstElementChild
  for (const { node } of after.values()) {
    if (node === place) place = place.nextElementSibling
    else parent.insertBefore(node, place)
  }
  childrenByKey.set(parent, after)
  const none = find(`${parent.id}-none`)
  if (none) none.hidden = items.length > 0
}

/** A name with its figure, as description lists want it. */
function createFigure() {
  const name = make('dt')
  const figure = make('dd')
  const update = (item) => {
    write(name, item.name)
    write(figure, item.figure)
    if (item.state) mark(node, item.state)
  }
  const node = make('div', '', name, figure)
  return { node, update }
}

/** A name with its count and a bar that says how much of the largest it is. */
function createMeasure() {
  const name = make('bdi')
  const count = make('span', 'number')
  const node = make('li', '', name, count)
  const update = (item) => {
    write(name, cut(item.name))
    write(count, item.count === undefined ? '' : show(item.count))
    node.style.setProperty('--share', String(item.share ?? 0))
  }
  return { node, update }
}

function createSegment() {
  const node = make('span')
  const update = (item) => {
    mark(node, item.state)
    node.hidden = item.count === 0
    node.style.setProperty('--share', String(item.count))
  }
  return { node, update }
}

function createTime(instant) {
  const date = new Date(instant)
  const isToday = date.toDateString() === new Date().toDateString()
  const time = make('time', '', (isToday ? clock : calendar).format(date))
  time.dateTime = instant
  time.title = calendar.format(date)
  return time
}

function createEvent(event) {
  const link = make('a', '', make('bdi', '', cut(event.type)))
  link.href = `api/events/${encodeURIComponent(event.id)}`
  const about = cut(event.recipient ?? event.event_id ?? event.id)
  const under = make('bdi', 'under', event.is_test ? `${about}, a test` : about)
  const pill = make('span', 'pill')
  const node = make(
    'tr',
    '',
    make('td', '', createTime(event.received_at)),
    make('td', '', link, under),
    make('td', 'roomy', make('bdi', '', cut(event.source))),
    make('td', '', pill),
  )
  const update = ({ state }) => {
    write(pill, state)
    mark(pill, state)
  }
  return { node, update }
}

function createHandler({ name }) {
  const health = make('span', 'health', make('bdi', '', cut(name)))
  const under = make('bdi', 'under')
  const counts = ['pending', 'done', 'dead'].map((state) => [state, make('td', 'number')])
  const node = make('tr', '', make('td', '', health, under), ...counts.map(([, cell]) => cell))
  const update = (handler) => {
    mark(
      health,
      handler.health === undefined ? 'gone' : handler.health.running ? 'running' : 'stopped',
    )
    write(under, explainHealth(handler.health))
    for (const [state, cell] of counts) write(cell, show(handler.jobs?.[state]))
  }
  return { node, update }
}

function explainHealth(health) {
  if (health === undefined) return 'not loaded; its jobs wait'
  const problem = health.last_problem === null ? '' : `: ${cut(health.last_problem)}`
  const times = health.restarts === 1 ? 'once' : `${show(health.restarts)} times`
  const restarts = health.restarts > 0 ? `, restarted ${times}` : ''
  return `${health.running ? 'running' : 'not running'}${restarts}${problem}`
}

function createPiece(piece) {
  const link = make('a', '', `${words(piece.reason)}, ${show(piece.bytes)} bytes`)
  link.href = `api/quarantine/${encodeURIComponent(piece.id)}/body`
  const detail = make('bdi', 'under', cut(piece.detail))
  const origin = make('bdi', 'under', cut(`${piece.source}, piece ${piece.position}`))
  return { node: make('li', '', link, ' ', createTime(piece.received_at), detail, origin) }
}

/** Count pairs, the largest first, with what each is of the largest. */
function rank(counts) {
  const entries = Object.entries(counts).filter(([, count]) => count > 0)
  const largest = Math.max(1, ...entries.map(([, count]) => count))
  return entries
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => ({ name, count, share: count / largest }))
}

function shorten(measures) {
  const others = measures.slice(SHOWN_TYPES)
  if (others.length < 2) return measures
  const count = others.reduce((sum, measure) => sum + measure.count, 0)
  const rest = { name: `${others.length} other types`, count, share: 0, key: 'others' }
  return [...measures.slice(0, SHOWN_TYPES), rest]
}

function explainAge(seconds) {
  if (seconds < 90) return `${show(seconds)} s`
  if (seconds < 5_400) return `${show(Math.round(seconds / 60))} min`
  return `${show(Math.round(seconds / 3_600))} h`
}

function listTotals(stats) {
  const rate = stats.rates.events_per_second
  return [
    { name: 'Batches', figure: show(stats.batches.received) },
    { name: 'Events', figure: show(stats.events.total) },
    { name: 'Events / s', figure: rate === null ? '–' : show(rate) },
    { name: 'Backlog', figure: show(stats.backlog) },
    { name: 'Oldest waits', figure: explainAge(stats.oldest_pending_seconds) },
    { name: 'Duplicates', figure: show(stats.duplicates) },
    { name: 'Refused', figure: show(stats.batches.refused) },
    { name: 'Quarantined', figure: show(stats.quarantined) },
  ]
}

function listHandlers(stats) {
  const health = new Map(Object.entries(stats.handlers))
  const jobs = new Map(Object.entries(stats.jobs))
  const names = [...new Set([...health.keys(), ...jobs.keys()])].sort()
  return names.map((name) => ({ name, health: health.get(name), jobs: jobs.get(name) }))
}

function drawStats(stats) {
  const states = STATES.map((state) => ({ state, count: stats.events.by_state[state] ?? 0 }))
  const figures = states.map(({ state, count }) => ({ state, name: state, figure: show(count) }))
  const byName = (item) => item.name
  write(find('version'), stats.version)
  sync(find('totals'), listTotals(stats), byName, createFigure)
  sync(find('states-bar'), states, (item) => item.state, createSegment)
  sync(find('states'), figures, byName, createFigure)
  sync(find('handlers'), listHandlers(stats), byName, createHandler)
  const types = shorten(rank(stats.events.by_type))
  sync(find('types'), types, (item) => item.key ?? `type ${item.name}`, createMeasure)
  const refused = rank(stats.batches.refused_by_reason)
  const named = refused.map((measure) => ({ ...measure, name: words(measure.name) }))
  sync(find('refused'), named, byName, createMeasure)
}

/** An answer that is none of ours to draw; `waitMs` undefined: asking again would not help. */
class NoAnswer extends Error {
  constructor(text, waitMs) {
    super(text)
    this.waitMs = waitMs
  }
}

async function ask(path) {
  const lost = new NoAnswer('The receiver cannot be reached. Trying again…', POLL_MS)
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => lost)
  if (answer === lost) throw lost
  if (answer.ok) return answer.json()
  // Each further question with a wrong password would count against whoever types the right one.
  if (answer.status === 401) throw new NoAnswer('The password is needed: reload the page.')
  const waitSeconds = Number(answer.headers.get('retry-after') ?? 0)
  const waitMs = Math.max(POLL_MS, waitSeconds * 1_000)
  if (answer.status === 429) throw new NoAnswer('Too many wrong passwords: waiting…', waitMs)
  throw new NoAnswer(`The receiver answered ${answer.status}. Trying again…`, waitMs)
}

let drawnQuarantined

async function refresh() {
  const [stats, { events }] = await Promise.all([ask('api/stats'), ask('api/events?limit=10')])
  drawStats(stats)
  sync(find('events'), events, (event) => event.id, createEvent)
  tell('live', 'Live')
  write(find('updated'), clock.format(new Date()))
  if (stats.quarantined === drawnQuarantined) return
  const { quarantine } = await ask(`api/quarantine?limit=${SHOWN_PIECES}`)
  sync(find('quarantine'), quarantine, (piece) => piece.id, createPiece)
  drawnQuarantined = stats.quarantined
}

function tell(state, text) {
  mark(find('connection'), state)
  write(find('connection'), text)
}

async function poll() {
  let waitMs = POLL_MS
  try {
    if (!document.hidden) await refresh()
  } catch (error) {
    tell('lost', error instanceof NoAnswer ? error.message : 'This page failed. Reload it.')
    waitMs = error instanceof NoAnswer ? error.waitMs : undefined
  }
  if (waitMs !== undefined) setTimeout(poll, waitMs)
}

void poll()
