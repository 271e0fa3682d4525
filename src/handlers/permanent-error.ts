/**
 * Shared by every copy of this package: a handler may have its own in `node_modules`, whose class
 * is not ours, so `instanceof` would not know it.
 */
const PERMANENT = Symbol.for('mailtrap-receiver.permanent-error')

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
  try {
    return typeof thrown === 'object' && thrown !== null && PERMANENT in thrown
  } catch {
    return false
  }
}
