// @ts-check
import { ask } from '../parts/api.js'
import { card, emptyLine, link, make, write } from '../parts/elements.js'
import { createEventTable, showEvents } from '../parts/event-rows.js'
import { createPages } from '../parts/pages.js'
import { createSearchForm, FILTERS } from './search-form.js'

const PAGE = 50
/** How long a search goes on by itself where the receiver found little in the time of one answer. */
const SEARCH_MS = 3_000
const NONE =
  'No event is like this. Recipient and ids are found by their whole text; capitals matter in ids.'
const NONE_YET = 'No event like this so far, and there are older ones to look through.'

/** Finds events. What is asked for stands in the address. @param {HTMLElement} root @param {URLSearchParams} query */
export function openEvents(root, query) {
  const filter = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? '']))
  const cursor = query.get('cursor')
  const given = Object.entries(filter).filter(([, value]) => value !== '')
  const asked = new URLSearchParams(given)
  const form = createSearchForm(filter)
  const list = createEventTable()
  const none = emptyLine()
  const pages = createPages(['events'], filter, cursor)
  /** A search that ran out of time would find less at the next look: it stays as it is. */
  let isPartial = false
  const csv = link(`api/events.csv?${asked}`, 'button', 'Export as CSV')
  csv.title = 'The newest 10,000 of these events'
  csv.setAttribute('download', 'events.csv')
  const found = card(given.length > 0 ? 'Events found' : 'Events', list.node, none, pages.node)
  found.querySelector('h2').append(make('span', 'choices', csv))
  root.replaceChildren(make('h1', 'unseen', 'Events'), form.node, found)

  return {
    title: 'Events',
    async refresh(/** @type {boolean} */ isByHand) {
      if (isPartial && !isByHand) return
      const answer = await search(asked, cursor, isByHand)
      isPartial = answer.isPartial
      showEvents(list, answer.events, none)
      write(none, isPartial ? NONE_YET : NONE)
      pages.show(answer.next)
      write(pages.older, isPartial ? 'Look further back' : 'Older')
      if (isByHand) form.suggest(await ask('api/stats'), await ask('api/sources'))
    },
  }
}

/**
 * A page of events. One answer looks as far as its time goes; while it is not full, the next looks
 * on. @param {URLSearchParams} asked @param {string | null} cursor @param {boolean} isByHand
 */
async function search(asked, cursor, isByHand) {
  const until = performance.now() + SEARCH_MS
  const events = []
  let next = cursor
  for (;;) {
    const paging = { limit: String(PAGE - events.length), ...(next !== null && { cursor: next }) }
    const query = new URLSearchParams([...asked, ...Object.entries(paging)])
    const answer = await ask(`api/events?${query}`, { isByHand })
    events.push(...answer.events)
    next = answer.cursor
    const isPartial = answer.partial === true && next !== null && events.length < PAGE
    if (!isPartial || performance.now() > until) return { events, next, isPartial }
  }
}
