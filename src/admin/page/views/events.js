// @ts-check
import { ask } from '../parts/api.js'
import { button, card, emptyLine, link, make, write } from '../parts/elements.js'
import { createEventTable, showEvents } from '../parts/event-rows.js'
import { cut, fromLocalInput, toLocalInput } from '../parts/format.js'
import { writeRoute } from '../parts/route.js'

const STATES = ['', 'pending', 'done', 'dead', 'unhandled', 'conflict', 'stale']
const FILTERS = ['recipient', 'message_id', 'event_id', 'type', 'state', 'source', 'from', 'to']
const LABELS = {
  recipient: 'Recipient',
  message_id: 'Message id',
  event_id: 'Event id',
  type: 'Type',
  state: 'State',
  source: 'Source',
  from: 'Received from',
  to: 'until before',
}
const PAGE = 50

/** Finds events. What is asked for stands in the address. @param {HTMLElement} root @param {URLSearchParams} query */
export function openEvents(root, query) {
  const filter = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? '']))
  const cursor = query.get('cursor') ?? ''
  const given = Object.entries(filter).filter(([, value]) => value !== '')
  const asked = new URLSearchParams(given)
  const form = createForm(filter)
  const { node: list, body } = createEventTable()
  const none = emptyLine('No event is like this. Retention may have removed it.')
  const pages = make('p', 'pages')
  const csv = link(`api/events.csv?${asked}`, 'button', 'Export as CSV')
  csv.title = 'The newest 10,000 of these events'
  csv.setAttribute('download', 'events.csv')
  const found = card(given.length > 0 ? 'Events found' : 'Events', list, none, pages)
  found.querySelector('h2').append(make('span', 'choices', csv))
  root.replaceChildren(make('h1', 'unseen', 'Events'), form.node, found)

  return {
    title: 'Events',
    async refresh(/** @type {boolean} */ isByHand) {
      const paging = new URLSearchParams({ limit: String(PAGE), ...(cursor && { cursor }) })
      const answer = await ask(`api/events?${asked}&${paging}`.replace('?&', '?'), { isByHand })
      showEvents(body, answer.events, none)
      list.hidden = answer.events.length === 0
      showPages(pages, filter, cursor, answer.cursor)
      if (isByHand) form.suggest(await ask('api/stats'), await ask('api/sources'))
    },
  }
}

/** @param {HTMLElement} pages @param {Record<string, string>} filter @param {string} cursor @param {string | null} next */
function showPages(pages, filter, cursor, next) {
  if (pages.dataset.next === String(next)) return
  pages.dataset.next = String(next)
  const newest = cursor ? [link(writeRoute(['events'], filter), 'button', 'Newest')] : []
  const older = next
    ? [link(writeRoute(['events'], { ...filter, cursor: next }), 'button', 'Older')]
    : []
  pages.replaceChildren(...newest, ...older)
}

/** @param {Record<string, string>} filter */
function createForm(filter) {
  const types = makeOptions('known-types')
  const sources = makeOptions('known-sources')
  const fields = FILTERS.map((name) => makeField(name, filter[name] ?? ''))
  const inputs = new Map(fields.map(({ name, input }) => [name, input]))
  const search = make('button', 'strong', 'Search')
  const clear = button('Clear', () => {
    location.hash = writeRoute(['events'])
  })
  const few = fields.slice(0, 3).map(({ node }) => node)
  const more = fields.slice(3).map(({ node }) => node)
  const form = make('form', 'card filters', ...few, ...more, types, sources)
  form.append(make('p', 'actions', search, clear))
  form.setAttribute('role', 'search')
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault()
    const values = [...inputs].map(([name, input]) => {
      const value = input.value.trim()
      return [name, isTime(name) ? fromLocalInput(value) : value]
    })
    const hash = writeRoute(['events'], Object.fromEntries(values))
    if (hash === location.hash) dispatchEvent(new HashChangeEvent('hashchange'))
    else location.hash = hash
  })
  return {
    node: form,
    suggest(/** @type {any} */ stats, /** @type {any} */ known) {
      fillOptions(types, Object.keys(stats.events.by_type))
      fillOptions(
        sources,
        known.sources.map((/** @type {any} */ { name }) => name),
      )
    },
  }
}

const isTime = (/** @type {string} */ name) => name === 'from' || name === 'to'

/** @param {string} name @param {string} value */
function makeField(name, value) {
  const input = make(name === 'state' ? 'select' : 'input')
  if (name === 'state') {
    for (const state of STATES) {
      const option = make('option', '', state || 'any')
      option.value = state
      input.append(option)
    }
  } else {
    input.type = isTime(name) ? 'datetime-local' : 'text'
    input.autocomplete = 'off'
    input.spellcheck = false
  }
  if (name === 'type') input.setAttribute('list', 'known-types')
  if (name === 'source') input.setAttribute('list', 'known-sources')
  input.name = name
  input.id = `filter-${name}`
  input.value = isTime(name) ? toLocalInput(value) : value
  const label = make('label', '', LABELS[/** @type {keyof typeof LABELS} */ (name)])
  label.htmlFor = input.id
  return { name, input, node: make('div', 'field', label, input) }
}

/** @param {string} id */
function makeOptions(id) {
  const list = make('datalist')
  list.id = id
  return list
}

/** @param {HTMLElement} list @param {string[]} names */
function fillOptions(list, names) {
  write(list, '')
  for (const name of names.slice(0, 50)) {
    const option = make('option')
    option.value = cut(name)
    list.append(option)
  }
}
