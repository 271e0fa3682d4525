// @ts-check
/** Figures and texts as people read them. Pure, but for the language of the reader. */

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const LONGEST_TEXT = 200

/** @param {number | null | undefined} value */
export const showNumber = (value) => numbers.format(value ?? 0)

/** For axes, where there is little room: 1.2K. @param {number} value */
export const showShort = (value) => short.format(value)

/** @param {string} name */
export const words = (name) => name.replaceAll('_', ' ')

/** A text of strangers, cut to a decent length, and with nothing in it that hides. @param {unknown} value */
export function cut(value, longest = LONGEST_TEXT) {
  const text = String(value ?? '')
  const kept = text.length > longest ? `${text.slice(0, longest)}…` : text
  return splitHidden(kept)
    .map(({ text: part, isHidden }) => (isHidden ? `\u2039${part}\u203a` : part))
    .join('')
}

/** What cannot be seen, or turns round the text beside it: control, zero width, direction. */
const HIDDEN = /([^\P{Cc}\t\n\r]|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff])/u

/** Parts a text; each hidden character is a part of its own and named: `U+202E`. @param {string} text */
export function splitHidden(text) {
  const parts = text.split(HIDDEN).map((part, index) => ({ text: part, isHidden: index % 2 === 1 }))
  const named = parts.map((part) => (part.isHidden ? { ...part, text: nameOf(part.text) } : part))
  return named.filter((part) => part.text !== '')
}

/** @param {string} character */
const nameOf = (character) =>
  `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`

/** How many of what: `1 job`, `2 jobs`. @param {number} n @param {string} noun */
export const count = (n, noun) => `${showNumber(n)} ${noun}${n === 1 ? '' : 's'}`

/** @param {number} seconds */
export function showAge(seconds) {
  if (seconds < 90) return `${showNumber(Math.round(seconds))} s`
  if (seconds < 5_400) return `${showNumber(Math.round(seconds / 60))} min`
  if (seconds < 129_600) return `${showNumber(Math.round(seconds / 3_600))} h`
  return `${showNumber(Math.round(seconds / 86_400))} days`
}

/** @param {number | null | undefined} ms */
export function showDuration(ms) {
  if (ms === null || ms === undefined) return '–'
  if (ms < 10) return `${numbers.format(Math.round(ms * 10) / 10)} ms`
  if (ms < 10_000) return `${numbers.format(Math.round(ms))} ms`
  return showAge(ms / 1_000)
}

/** @param {number} bytes */
export function showBytes(bytes) {
  if (bytes < 10_000) return count(bytes, 'byte')
  if (bytes < 10_000_000) return `${numbers.format(Math.round(bytes / 1_000))} kB`
  return `${numbers.format(Math.round(bytes / 1_000_000))} MB`
}

/** @param {string | null} instant ISO text @param {number} now */
export function showAgo(instant, now) {
  if (instant === null) return 'never'
  const seconds = Math.max(0, (now - Date.parse(instant)) / 1_000)
  return seconds < 5 ? 'just now' : `${showAge(seconds)} ago`
}

/** What `<input type="datetime-local">` shows of ISO text: the reader's own time. @param {string} instant */
export function toLocalInput(instant) {
  const date = new Date(instant)
  if (Number.isNaN(date.getTime())) return ''
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}

/** And back. @param {string} value */
export function fromLocalInput(value) {
  const date = new Date(value)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString()
}

/** The only links that content of strangers may become. @param {string} text */
export function isWebLink(text) {
  return /^https?:\/\/[^\s"<>\\]+$/i.test(text) && URL.canParse(text)
}
