// @ts-check
import { ask, NoAnswer, post } from '../parts/api.js'
import { button, carefulButton } from '../parts/buttons.js'
import { card, emptyLine, link, make, table } from '../parts/elements.js'
import { createEventTable, showEvents } from '../parts/event-rows.js'
import { count, cut, showBytes, words } from '../parts/format.js'
import { createNotice } from '../parts/notice.js'
import { createPages } from '../parts/pages.js'
import { writeRoute } from '../parts/route.js'
import { sync } from '../parts/sync.js'
import { timeNode } from '../parts/times.js'

const PAGE = 100

/** What could not be read, and events whose id was taken. @param {HTMLElement} root @param {string | null} cursor where the page of pieces begins */
export function openQuarantine(root, cursor) {
  const notice = createNotice()
  const pieces = createPieces(notice, cursor)
  const asked = new URLSearchParams({ limit: String(PAGE), ...(cursor !== null && { cursor }) })
  const conflicts = createConflicts()
  root.replaceChildren(
    make('h1', 'unseen', 'Quarantine and conflicts'),
    pieces.node,
    conflicts.node,
  )

  return {
    title: 'Quarantine',
    async refresh(/** @type {boolean} */ isByHand) {
      const [quarantine, events] = await Promise.all([
        ask(`api/quarantine?${asked}`, { isByHand }),
        ask('api/events?state=conflict&limit=50', { isByHand }),
      ])
      pieces.show(quarantine)
      conflicts.show(events)
    },
  }
}

/** @param {ReturnType<typeof createNotice>} notice @param {string | null} cursor */
function createPieces(notice, cursor) {
  const { node: list, body } = table([
    ['Received', 'roomy'],
    'Reason',
    ['Source', 'roomy'],
    ['Piece', 'number roomy'],
    ['Size', 'number roomy'],
    ['', 'number'],
  ])
  const none = emptyLine('Nothing was unreadable.')
  list.classList.add('pieces')
  const pages = createPages(['quarantine'], {}, cursor)
  /** @type {any[]} */
  let shown = []
  const all = carefulButton(
    'Read all of this page again',
    () => `Really read ${count(shown.length, 'piece')} again?`,
    () => notice.run(() => readAgain(shown.map(({ id }) => id))),
  )
  const create = (/** @type {any} */ piece) => createPieceRow(piece, notice)
  pages.node.prepend(all)
  const about = make(
    'p',
    'soft',
    'Authentic, but not to be read as events. Once the cause is mended, by a newer version of the ' +
      'receiver for example, let it read them again; what it still cannot read comes back here.',
  )
  return {
    node: card('Quarantine', about, make('div', 'scroll', list), none, pages.node, notice.node),
    show(/** @type {any} */ { quarantine, cursor: next }) {
      shown = quarantine
      list.hidden = shown.length === 0
      all.hidden = shown.length === 0
      sync(body, shown, { keyOf: ({ id }) => id, create, none })
      pages.show(next)
    },
  }
}

/** @param {any} piece @param {ReturnType<typeof createNotice>} notice */
function createPieceRow(piece, notice) {
  const last = piece.position + piece.pieces - 1
  const position = piece.pieces > 1 ? `${piece.position}–${last}` : String(piece.position)
  const name = link(writeRoute(['quarantine', piece.id]), '', words(piece.reason))
  const node = make(
    'tr',
    '',
    make('td', 'roomy', timeNode(piece.received_at)),
    make('td', '', name, make('bdi', 'under', cut(piece.detail))),
    make('td', 'roomy', make('bdi', '', cut(piece.source, 60))),
    make('td', 'number roomy', position),
    make('td', 'number roomy', showBytes(piece.bytes)),
    make(
      'td',
      'number',
      button('Read again', () => notice.run(() => readAgain([piece.id])), {
        label: `Read again piece ${piece.id}`,
      }),
    ),
  )
  return { node }
}

/** One after the other; one that is gone already is no failure. @param {string[]} ids */
export async function readAgain(ids) {
  let again = 0
  for (const id of ids) {
    try {
      await post(`api/quarantine/${encodeURIComponent(id)}/replay`)
      again++
    } catch (error) {
      if (!(error instanceof NoAnswer) || error.status !== 404) throw error
    }
  }
  return `${count(again, 'piece')} will be read again.`
}

function createConflicts() {
  const list = createEventTable()
  const none = emptyLine('No event came with the id of another.')
  const all = link(writeRoute(['events'], { state: 'conflict' }), 'button', 'All conflicts')
  all.hidden = true
  const about = make(
    'p',
    'soft',
    'The same id as an earlier event, with other content. Kept, and given to no handler unless you ' +
      'run it from its page.',
  )
  return {
    node: card('Conflicts', about, list.node, none, make('p', 'actions', all)),
    show(/** @type {any} */ { events, cursor }) {
      showEvents(list, events, none)
      all.hidden = cursor === null
    },
  }
}
