// @ts-check
import { button } from './buttons.js'
import { link, make, visibleText } from './elements.js'
import { isWebLink } from './format.js'
import { indentJson, readString } from './indent-json.js'

/** More tokens than this would make the page slow; the text is then shown as it came. */
const MOST_TOKENS = 20_000

/** The exact text of an event, laid out or as received. @param {string} text */
export function createPayload(text) {
  const tokens = indentJson(text)
  const isLarge = tokens.length > MOST_TOKENS
  const formatted = make('pre', 'payload', ...(isLarge ? [] : tokens.flatMap(formatToken)))
  const raw = make('pre', 'payload raw', ...visibleText(text))
  raw.hidden = true
  const choose = (/** @type {boolean} */ isRaw) => {
    raw.hidden = !isRaw
    formatted.hidden = isRaw
    one.setAttribute('aria-pressed', String(!isRaw))
    other.setAttribute('aria-pressed', String(isRaw))
  }
  const one = button('Formatted', () => choose(false))
  const other = button('As received', () => choose(true))
  one.disabled = isLarge
  if (isLarge) one.title = 'It is too large to be laid out here.'
  choose(isLarge)
  return { chooser: make('span', 'choices', one, other), node: make('div', '', formatted, raw) }
}

/** @param {import('./indent-json.js').Token} token */
function formatToken({ text, kind }) {
  if (kind === 'string') return formatString(text)
  return kind === 'key' || kind === 'other' ? make('span', kind, ...visibleText(text)) : text
}

/** @param {string} token */
function formatString(token) {
  const value = readString(token)
  if (value === undefined || !isWebLink(value)) return make('span', 'string', ...visibleText(token))
  const node = link(value, 'string', token)
  node.rel = 'noopener noreferrer'
  node.target = '_blank'
  return node
}
