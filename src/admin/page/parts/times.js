// @ts-check
import { make, write } from './elements.js'

const clock = new Intl.DateTimeFormat([], { timeStyle: 'medium' })
const calendar = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'medium' })
const minute = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short' })

/** The time of day of today's, else date and time; both on hovering. @param {string | null} instant */
export function timeNode(instant) {
  if (instant === null) return make('span', '', '–')
  const date = new Date(instant)
  const node = make('time', '', showInstant(date))
  node.dateTime = instant
  node.title = `${calendar.format(date)} (${instant})`
  return node
}

/** @param {Date} date */
function showInstant(date) {
  return (date.toDateString() === today() ? clock : calendar).format(date)
}

const today = () => new Date().toDateString()
let writtenOn = today()

/** After midnight what was today's gets its date. @param {HTMLElement} root */
export function keepTimesToday(root) {
  if (writtenOn === today()) return
  writtenOn = today()
  for (const node of root.querySelectorAll('time[title]')) {
    write(node, showInstant(new Date(node.getAttribute('datetime') ?? '')))
  }
}

/** A time with the zone that the page uses and without: for those who compare it with logs. @param {string | null} instant */
export function exactTime(instant) {
  return instant === null
    ? null
    : make('span', '', timeNode(instant), make('span', 'under', instant))
}

/** Whose times the page shows. */
export function zoneText() {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'shortOffset' }).formatToParts()
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
  return offset === timeZone ? offset : `${timeZone} (${offset})`
}

/** @param {number} at milliseconds since 1970 */
export const clockTime = (at) => clock.format(at)

/** A label for an axis: days when it spans some, else the time. @param {number} at @param {boolean} isLong */
export const axisLabel = (at, isLong) => (isLong ? day : minute).format(at)

/** @param {number} from @param {number} to @param {boolean} isLong */
export function bucketLabel(from, to, isLong) {
  const text = `${minute.format(from)}–${minute.format(to)}`
  return isLong ? `${day.format(from)}, ${text}` : text
}
