import { inspect } from 'node:util'
import { ownFile } from '../own-files.ts'

/*
 * Marks shared by every copy of this package: a handler may have its own in `node_modules`, whose classes
 * are not ours, so that `instanceof` would not know them.
 */
const PERMANENT = Symbol.for('mailtrap-receiver.permanent-error')
const AFTER_MS = Symbol.for('mailtrap-receiver.retry-later-error')

/** A service that asks for more is not believed: nobody would remember why nothing happens. */
const MOST_SECONDS = 86_400

/**
 * Throw it when trying again cannot help: the job is dead at once, without further attempts.
 *
 * @example throw new PermanentError('The customer of this event was deleted.')
 */
export class PermanentError extends Error {
  readonly [PERMANENT] = true

  constructor(text: string, options?: ErrorOptions) {
    super(text, options)
    this.name = 'PermanentError'
  }
}

/** Whether `thrown` was made by PermanentError, of any copy of this package. Never throws. */
export function isPermanentError(thrown: unknown): boolean {
  return readMark(thrown, PERMANENT) !== undefined
}

/**
 * Throw it when trying again before some time makes no sense, as a service said with `Retry-After`:
 * the next attempt comes by the retry schedule, and not before. After the last one the job is dead,
 * as ever.
 *
 * @example throw new RetryLaterError('The CRM takes no more this minute.', { afterSeconds: 60 })
 */
export class RetryLaterError extends Error {
  readonly [AFTER_MS]: number

  /** `afterSeconds`: at most a day counts. */
  constructor(text: string, options: ErrorOptions & { readonly afterSeconds: number }) {
    super(text, options)
    this.name = 'RetryLaterError'
    this[AFTER_MS] = Math.round(1_000 * Math.max(0, Math.min(options.afterSeconds, MOST_SECONDS)))
  }
}

/** How long `thrown` asks to wait, made by RetryLaterError of any copy of this package. Never throws. */
export function retryAfterMs(thrown: unknown): number | undefined {
  const ms = readMark(thrown, AFTER_MS)
  return typeof ms === 'number' && ms > 0 ? Math.min(ms, 1_000 * MOST_SECONDS) : undefined
}

/** For built-in handlers, whose texts say all there is to say: where in our code it was made helps nobody. */
export function withoutStack<Thrown extends Error>(error: Thrown, name = error.name): Thrown {
  return Object.assign(error, { name, stack: '' })
}

/** What was thrown may be anything, also what throws when it is looked at. */
function readMark(thrown: unknown, mark: symbol): unknown {
  try {
    return typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, mark) : undefined
  } catch {
    return undefined
  }
}

const MAX_CHARACTERS = 2_000
const MAX_STACK_LINES = 12
/** Lines of a stack that say nothing to the handler's author. */
const FOREIGN_LINE = /\(?node:internal\/|\/node_modules\/jiti\//
/** Nor do ours, which are kept with every attempt that failed. */
const OWN_FOLDER = ownFile('.').pathname

/** Whatever was thrown, as text of at most 2,000 characters. Never throws. */
export function describeError(thrown: unknown): string {
  try {
    return cutText(describe(thrown)).replaceAll('\0', '\uFFFD')
  } catch {
    return 'The handler threw something that cannot be shown.'
  }
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  if (!(thrown instanceof Error)) return `The handler threw no Error but ${show(thrown)}`
  const own = describeStack(thrown)
  return thrown.cause === undefined ? own : `${own}\nCaused by: ${describeCause(thrown.cause)}`
}

/** One level only: a chain of causes may be endless. */
function describeCause(cause: unknown): string {
  return cause instanceof Error ? describeStack(cause) : show(cause)
}

/** The text once, then the first lines of the stack, which may lack the text or be no stack. */
function describeStack(error: Error): string {
  // Where several addresses were tried, Node's error has a code and no text.
  const text = error.message || ('code' in error && error.code) || ''
  const title = cutText(`${error.name}: ${text}`, MAX_CHARACTERS / 2)
  const frames = String(error.stack ?? '')
    .split('\n', 1_000)
    .filter((line) => /^\s+at /.test(line) && !FOREIGN_LINE.test(line))
  const others = frames.filter((line) => !line.includes(OWN_FOLDER))
  // Of a fault in a handler of ours there is nothing else.
  const shown = (others.length > 0 ? others : frames).slice(0, MAX_STACK_LINES)
  return [title, ...shown].join('\n')
}

function show(value: unknown): string {
  return inspect(value, {
    depth: 2,
    maxArrayLength: 20,
    maxStringLength: 500,
    customInspect: false,
  })
}

function cutText(text: string, limit = MAX_CHARACTERS): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 2).trimEnd()} …`
}
