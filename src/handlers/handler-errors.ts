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

/** What was thrown may be anything, also what throws when it is looked at. */
function readMark(thrown: unknown, mark: symbol): unknown {
  try {
    return typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, mark) : undefined
  } catch {
    return undefined
  }
}
