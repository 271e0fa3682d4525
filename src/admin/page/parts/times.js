// @ts-check
import { make } from './elements.js'

const clock = new Intl.DateTimeFormat([], { timeStyle: 'medium' })
const calendar = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'medium' })
const minute = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short' })

/** The time of day of today's, else date and time; both on hovering. @param {string | null} instant */
export function timeNode(instant) {
  if (instant === null) return make('span', '', '–')
  const date = new Date(instant)
  const isToday = date.toDateString() === new Date().toDateString()
  const node = make('time', '', (isToday ? clock : calendar).format(date))
  node.dateTime = instant
  node.title = `${calendar.format(date)} (${instant})`
  return node
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
