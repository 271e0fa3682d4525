// @ts-check
import { ask, askBytes } from '../parts/api.js'
import { button } from '../parts/buttons.js'
import { card, link, make, visibleText } from '../parts/elements.js'
import { factList } from '../parts/facts.js'
import { cut, showBytes, showNumber, words } from '../parts/format.js'
import { hexLines } from '../parts/hex-lines.js'
import { createNotice } from '../parts/notice.js'
import { exactTime } from '../parts/times.js'
import { readAgain } from './quarantine.js'

/** More would make the page slow; the download has it all. */
const SHOWN_BYTES = 32_768

/** One unreadable piece, byte by byte. @param {HTMLElement} root @param {string} id */
export function openPiece(root, id) {
  let isDrawn = false

  return {
    title: `Quarantine ${id}`,
    /** It never changes. */
    async refresh(/** @type {boolean} */ isByHand) {
      if (isDrawn) return
      const path = `api/quarantine/${encodeURIComponent(id)}`
      const [piece, bytes] = await Promise.all([ask(path, { isByHand }), askBytes(`${path}/body`)])
      isDrawn = true
      root.replaceChildren(make('div', 'grid', createHead(piece, path), ...createBytes(bytes)))
    },
  }
}

/** @param {any} piece @param {string} path */
function createHead(piece, path) {
  const notice = createNotice()
  const last = piece.position + piece.pieces - 1
  const again = button('Read again', () => notice.run(() => readAgain([piece.id])))
  const download = link(`${path}/body`, 'button', 'Download')
  const facts = factList([
    ['Detail', make('bdi', '', cut(piece.detail, 1_000))],
    ['Source', piece.source],
    ['Received', exactTime(piece.received_at)],
    ['Batch', piece.batch],
    [
      piece.pieces > 1 ? 'Pieces' : 'Piece',
      piece.pieces > 1 ? `${piece.position} to ${last}` : String(piece.position),
    ],
    ['Begins at byte', showNumber(piece.byte_offset)],
    ['Size', showBytes(piece.bytes)],
  ])
  const heading = make('h1', '', words(piece.reason))
  const actions = make('p', 'actions', again, download, notice.node)
  return make('section', 'card wide', heading, facts, actions)
}

/** @param {Uint8Array} bytes */
function createBytes(bytes) {
  const shown = bytes.subarray(0, SHOWN_BYTES)
  const left = bytes.length - shown.length
  const rest = left > 0 ? `… and ${showBytes(left)} more: download them` : ''
  const cards = [
    card(
      'As text',
      make('pre', 'payload raw', ...visibleText(new TextDecoder().decode(shown)), rest),
    ),
    card('As bytes', make('pre', 'payload hex', hexLines(shown).join('\n'), rest && `\n${rest}`)),
  ]
  for (const one of cards) one.classList.add('wide')
  return cards
}
