// @ts-check
import { button } from '../parts/buttons.js'
import { make, write } from '../parts/elements.js'
import { cut, fromLocalInput, toLocalInput } from '../parts/format.js'
import { writeRoute } from '../parts/route.js'

const STATES = ['', 'pending', 'done', 'dead', 'unhandled', 'conflict', 'stale']
export const FILTERS = [
  'recipient',
  'message_id',
  'event_id',
  'type',
  'state',
  'source',
  'from',
  'to',
]
const LABELS = {
  recipient: 'Recipient',
  message_id: 'Message id',
  event_id: 'Event id',
  type: 'Type',
  state: 'State',
  source: 'Source',
  from: 'Received from',
  to: 'Received before',
}
const MOST_TEXT = 1_000

/** What events may be asked for; pressing Search puts it into the address. @param {Record<string, string>} filter */
export function createSearchForm(filter) {
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
  form.addEventListener('input', () => inputs.get('to').setCustomValidity(''))
  form.addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault()
    const values = [...inputs].map(([name, input]) => [name, readField(name, input, filter)])
    const { from = '', to = '' } = Object.fromEntries(values)
    const isBackwards = from !== '' && to !== '' && from >= to
    inputs.get('to').setCustomValidity(isBackwards ? 'Later than the time before, please.' : '')
    if (!form.reportValidity()) return
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

/** A time that nobody touched keeps what the field does not show. @param {string} name @param {any} input @param {Record<string, string>} filter */
function readField(name, input, filter) {
  const value = input.value.trim()
  if (!isTime(name)) return value
  const given = filter[name] ?? ''
  const instant = fromLocalInput(value)
  return instant === fromLocalInput(toLocalInput(given)) ? given : instant
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
    if (isTime(name)) input.step = '1'
    else input.maxLength = MOST_TEXT
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
