/**
 * The closed list of errors. Each text says what happened, why, and what to do; none holds a
 * secret or personal data.
 */
export const ERROR_CODES = {
  store_full:
    'The disk of the data directory is full; what it cannot take is not acknowledged. Free space: it goes on by itself.',
  store_broken:
    'The disk failed to keep what was written to it; the process must start anew on a healthy disk.',
  store_gone:
    'The files of the store were removed or replaced while it was open. Start again on what is there now; stop before you move or restore files.',
  store_busy:
    'The store could not do its work in time. What was acknowledged goes on by itself; what was not, the provider sends again.',
  store_unusable:
    'The file of the store cannot be opened or written. Check its path, the rights of this user and how its disk is mounted.',
  store_refused:
    'The store cannot take what it was given, whenever it is asked; the rest is not affected.',
  store_closed:
    'The store is closed: the receiver is stopping, or the thread of the store has died.',
  store_locked:
    'Another receiver works on this data directory. Stop it, or give this one its own DATA_DIR.',
  store_too_new:
    'The database was written by a newer version. Start that version, or restore a back-up.',
  store_too_old:
    'The bundled SQLite is too old to be safe (3.51.3 is the oldest). Install the locked versions: npm ci.',
  store_corrupt: 'The database is damaged. Restore a back-up, or move the file away to begin anew.',
  invalid_settings: 'Settings are wrong; every problem is listed.',
  invalid_handler: 'A handler module is wrong; every problem is listed.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** An error of the list, with its cause and, where known, a detail for the operator. */
export class ReceiverError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  /** With `store_busy`: there was nobody to ask. */
  readonly isAway: boolean

  constructor(
    code: ErrorCode,
    options: { detail?: string; cause?: unknown; isAway?: boolean } = {},
  ) {
    super(options.detail ? `${ERROR_CODES[code]} (${options.detail})` : ERROR_CODES[code], {
      cause: options.cause,
    })
    this.name = 'ReceiverError'
    this.code = code
    this.detail = options.detail
    this.isAway = options.isAway ?? false
  }
}
