/** Figures, texts and times as people read them. Pure, but for the language of the reader. */

import { formatCounted as count } from '../../counted.ts'

export { count }

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const LONGEST_TEXT = 200

export const showNumber = (value: number | null | undefined) => numbers.format(value ?? 0)

/** For axes, where there is little room: 1.2K. */
export const showShort = (value: number) => short.format(value)

/** The same for milliseconds: 1.5 s. */
export const showShortDuration = (ms: number) =>
  ms < 1_000 ? showDuration(ms) : `${short.format(ms / 1_000)} s`

export const words = (name: string) => name.replaceAll('_', ' ')

/** A text of strangers, cut to a decent length, and with nothing in it that hides. */
export function cut(value: string | null | undefined, longest = LONGEST_TEXT): string {
  const text = value ?? ''
  const kept = text.length > longest ? `${text.slice(0, longest)}…` : text
  return splitHidden(kept)
    .map(({ text: part, isHidden }) => (isHidden ? `\u2039${part}\u203a` : part))
    .join('')
}

/** What cannot be seen, or turns round the text beside it: control, zero width, direction. */
const HIDDEN = /([^\P{Cc}\t\n\r]|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff])/u

/** Parts a text; each hidden character is a part of its own and named: `U+202E`. */
export function splitHidden(text: string): { text: string; isHidden: boolean }[] {
  return text
    .split(HIDDEN)
    .map((part, index) =>
      index % 2 === 1 ? { text: nameOf(part), isHidden: true } : { text: part, isHidden: false },
    )
    .filter((part) => part.text !== '')
}

const nameOf = (character: string) =>
  `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`

export function showAge(seconds: number): string {
  if (seconds < 90) return `${showNumber(Math.round(seconds))} s`
  if (seconds < 5_400) return `${showNumber(Math.round(seconds / 60))} min`
  if (seconds < 129_600) return `${showNumber(Math.round(seconds / 3_600))} h`
  return `${showNumber(Math.round(seconds / 86_400))} days`
}

export function showDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–'
  if (ms < 10) return `${numbers.format(Math.round(ms * 10) / 10)} ms`
  if (ms < 10_000) return `${numbers.format(Math.round(ms))} ms`
  return showAge(ms / 1_000)
}

export function showBytes(bytes: number): string {
  if (bytes < 10_000) return count(bytes, 'byte')
  if (bytes < 10_000_000) return `${numbers.format(Math.round(bytes / 1_000))} kB`
  return `${numbers.format(Math.round(bytes / 1_000_000))} MB`
}

/** Of an instant in ISO text; `now` in milliseconds since 1970. */
export function showAgo(instant: string | null, now: number): string {
  if (instant === null) return 'never'
  const seconds = Math.max(0, (now - Date.parse(instant)) / 1_000)
  return seconds < 5 ? 'just now' : `${showAge(seconds)} ago`
}

/** How long it is until then, as of now. */
export function showUntil(instant: string, now: number): string {
  const seconds = (Date.parse(instant) - now) / 1_000
  return seconds < 1 ? 'now' : `in ${showAge(seconds)}`
}

const ZONE = 'times'

/** Whether times are shown in UTC, as somebody chose in this browser; else as the device has it. */
export const isUtc = readStorage() === 'utc'

/** What keeps nothing, as a browser may be told to, has the device's own times. */
function readStorage(): string | null | undefined {
  try {
    return globalThis.localStorage?.getItem(ZONE)
  } catch {
    return undefined
  }
}

/** Every time of the page is written anew. */
export function chooseZone(wantsUtc: boolean): void {
  localStorage.setItem(ZONE, wantsUtc ? 'utc' : 'device')
  location.reload()
}

/** What `<input type="datetime-local">` shows of ISO text, as times are shown. */
export function toLocalInput(instant: string): string {
  const date = new Date(instant)
  if (Number.isNaN(date.getTime())) return ''
  const offset = isUtc ? 0 : date.getTimezoneOffset() * 60_000
  const local = new Date(date.getTime() - offset)
  return local.toISOString().slice(0, 19)
}

/** And back. */
export function fromLocalInput(value: string): string {
  const date = new Date(isUtc && value !== '' ? `${value}Z` : value)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString()
}

/** The only links that content of strangers may become. */
export function isWebLink(text: string): boolean {
  return /^https?:\/\/[^\s"<>\\]+$/i.test(text) && URL.canParse(text)
}

const zone = isUtc ? { timeZone: 'UTC' } : {}
const clock = new Intl.DateTimeFormat([], { timeStyle: 'medium', ...zone })
const calendar = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'medium', ...zone })
const minute = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', ...zone })
const day = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short', ...zone })
const date = new Intl.DateTimeFormat([], { dateStyle: 'short', ...zone })

/** The time of day of today's, else date and time. */
export function showInstant(instant: Date): string {
  const isToday = date.format(instant) === date.format(new Date())
  return (isToday ? clock : calendar).format(instant)
}

export const showDate = (instant: Date) => calendar.format(instant)

/** Whose times the page shows. */
export function zoneText(): string {
  if (isUtc) return 'UTC'
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'shortOffset' }).formatToParts()
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
  return offset === timeZone ? offset : `${timeZone} (${offset})`
}

/** Milliseconds since 1970 as the time of day. */
export const clockTime = (at: number) => clock.format(at)

/** A label for an axis: days when it spans some, else the time. */
export const axisLabel = (at: number, isLong: boolean) => (isLong ? day : minute).format(at)

export function bucketLabel(from: number, to: number, isLong: boolean): string {
  const text = `${minute.format(from)}–${minute.format(to)}`
  return isLong ? `${day.format(from)}, ${text}` : text
}

/** Where a stack leads through packages, Node and the receiver, by which a handler was called. */
const FOREIGN_FRAME =
  /^\s+at .*(?:\bnode:|[/\\]node_modules[/\\]|[/\\]dispatch[/\\]host[/\\]|[/\\](?:run-attempt|handler-host)\.|[/\\]dist[/\\][\da-f]{16}[/\\])/

/** An error's text and the frames of the handler itself, apart from all other frames. */
export function splitError(error: string): { own: string; foreign: readonly string[] } {
  const lines = error.split('\n')
  const isForeign = (line: string) => FOREIGN_FRAME.test(line)
  return {
    own: lines.filter((line) => !isForeign(line)).join('\n'),
    foreign: lines.filter(isForeign).map((line) => line.trim()),
  }
}
