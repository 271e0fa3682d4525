import { once } from 'node:events'
import type { CommandContext, Output } from './command.ts'

export { formatCount, formatCounted } from '../counted.ts'

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
export type Colour = keyof typeof CODES

/** Colours a text, or leaves it alone where colours are unwanted. */
export type Paint = (colour: Colour, text: string) => string

/** Colours on a terminal only; `NO_COLOR` turns them off. */
export function createPaint(output: Output, env: CommandContext['env']): Paint {
  const isOn = output.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  return isOn ? (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m` : plain
}

export const plain: Paint = (_colour, text) => text

/** How the states of events, jobs and handlers look, and outcomes. */
export const STATE_COLOURS: Readonly<Record<string, Colour | undefined>> = {
  done: 'green',
  running: 'green',
  pending: 'yellow',
  paused: 'yellow',
  dead: 'red',
  conflict: 'red',
  failed: 'red',
  failing: 'red',
  crashing: 'red',
  stopped: 'red',
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/**
 * Text from outside, fit for a terminal: whatever could move the cursor, change colours, reverse
 * the reading direction or hide is written as an escape, `\x1b` for example.
 */
export function safeText(text: string): string {
  return text.replace(INVISIBLE, escapeCharacter)
}

/** The same for text of several lines, whose line ends and tabs stay. */
export function safeLines(text: string): string {
  return text.replace(INVISIBLE, (character) =>
    character === '\n' || character === '\t' ? character : escapeCharacter(character),
  )
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escapeCharacter(character: string): string {
  const short = SHORT[character]
  if (short !== undefined) return short
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

/** Writes text or bytes, and waits while the reader at the other end is slow. */
export async function writeText(output: Output, text: string | Uint8Array): Promise<void> {
  if (!output.write(text)) await once(output, 'drain')
}

/**
 * Prints what a command was asked for: as JSON for machines, else for people as it is described. A last
 * line end is added where it is missing.
 */
export async function printAnswer(
  { stdout, env, options }: CommandContext,
  answer: unknown,
  describe: (paint: Paint) => string,
): Promise<void> {
  const text = options.json ? JSON.stringify(answer) : describe(createPaint(stdout, env))
  await writeText(stdout, text.endsWith('\n') ? text : `${text}\n`)
}

const TITLE_WIDTH = 12

type Fact = readonly [title: string, value: string | undefined]

/** `recipient   user@example.com` and the like, a line each; values are made safe, what is none left out. */
export function describeFacts(paint: Paint, facts: readonly Fact[]): string {
  const lines = facts.map(([title, value]) =>
    value === undefined ? '' : `${paint('dim', title.padEnd(TITLE_WIDTH))}${safeText(value)}\n`,
  )
  return lines.join('')
}

/** 4096 → `4.1 KB`, 180000000 → `180.0 MB` */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} KB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

/** 0.42 → `0.4 ms`, 1834 → `1.8 s`, 90000 → `1 min 30 s` */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`
}

/** ISO text → `2026-11-21 09:30:05`, in UTC; `-` when there is none. */
export function formatInstant(isoText: string | null | undefined): string {
  if (!isoText) return '-'
  return isoText.replace(/\.\d+Z$|Z$/, '').replace('T', ' ')
}

const COMBINING = /^\p{M}$/u
const WIDE =
  /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u{3000}-\u{303f}\u{ff01}-\u{ff60}]$/u

/** How many columns of a terminal a text without control characters takes. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** Cuts to `width` columns; what was cut shows as an ellipsis. */
export function shorten(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  let room = width - 1
  for (const character of text) {
    room -= characterWidth(character)
    if (room < 0) break
    kept += character
  }
  return `${kept}…`
}

function characterWidth(character: string): number {
  if (character <= '~') return 1
  if (COMBINING.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}
