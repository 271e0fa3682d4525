// @ts-check
import { button, link, make } from './elements.js'
import { isWebLink } from './format.js'
import { indentJson, readString } from './indent-json.js'

/** More tokens than this would make the page slow; the text is then shown as it came. */
const MOST_TOKENS = 20_000

/** The exact text of an event, laid out or as received. @param {string} text */
export function createPayload(text) {
  const formatted = make('pre', 'payload', ...formatTokens(text))
  const raw = make('pre', 'payload raw', text)
  raw.hidden = true
  const choose = (/** @type {boolean} */ isRaw) => {
    raw.hidden = !isRaw
    formatted.hidden = isRaw
    one.setAttribute('aria-pressed', String(!isRaw))
    other.setAttribute('aria-pressed', String(isRaw))
  }
  const one = button('Formatted', () => choose(false))
  const other = button('As received', () => choose(true))
  choose(false)
  return { chooser: make('span', 'choices', one, other), node: make('div', '', formatted, raw) }
}

/** @param {string} text */
function formatTokens(text) {
  const tokens = indentJson(text)
  if (tokens.length > MOST_TOKENS) return [text]
  return tokens.map(({ text: token, kind }) => {
    if (kind === 'string') return formatString(token)
    return kind === 'key' || kind === 'other' ? make('span', kind, token) : token
  })
}

/** @param {string} token */
function formatString(token) {
  const value = readString(token)
  if (value === undefined || !isWebLink(value)) return make('span', 'string', token)
  const node = link(value, 'string', token)
  node.rel = 'noopener noreferrer'
  node.target = '_blank'
  return node
}
