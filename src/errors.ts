/** What is known of an error, wherever it is told. */
interface KnownError {
  /** What a client of the admin API is answered. */
  readonly status: number
  /** Asked again in a while, it may be done. */
  readonly isRetryable: boolean
  /** Nothing in this process mends it: it has to start anew. */
  readonly endsProcess?: true
  readonly text: string
}

const lasting = (text: string): KnownError => ({ status: 503, isRetryable: false, text })
const passing = (text: string): KnownError => ({ status: 503, isRetryable: true, text })
const endsProcess = (text: string): KnownError => ({ ...passing(text), endsProcess: true })

/**
 * The closed list of errors. Each text says what happened, why, and what to do; none holds a
 * secret or personal data.
 */
export const ERRORS = {
  store_full: passing(
    'The disk of the data directory is full; what it cannot take is not acknowledged. Free space: it goes on by itself.',
  ),
  store_broken: endsProcess(
    'The disk failed to keep what was written to it; the process must start anew on a healthy disk.',
  ),
  store_gone: endsProcess(
    'The files of the store were removed or replaced while it was open. Start again on what is there now; stop before you move or restore files.',
  ),
  store_busy: passing(
    'The store could not do its work in time. What was acknowledged goes on by itself; what was not, the provider sends again.',
  ),
  store_unusable: passing(
    'The file of the store cannot be opened or written. Check its path, the rights of this user and how its disk is mounted.',
  ),
  store_refused: lasting(
    'The store cannot take what it was given, whenever it is asked; the rest is not affected.',
  ),
  store_closed: endsProcess(
    'The store is closed: the receiver is stopping, or the thread of the store has died.',
  ),
  store_locked: passing(
    'Another receiver works on this data directory. Stop it, or give this one its own DATA_DIR.',
  ),
  store_too_new: lasting(
    'The database was written by a newer version. Start that version, or restore a back-up.',
  ),
  store_too_old: lasting(
    'The bundled SQLite is too old to be safe (3.51.3 is the oldest). Install the locked versions: npm ci.',
  ),
  store_unreleased: lasting(
    'The database was made by version 0.1.0, which was never released, and cannot be read. Begin with an empty DATA_DIR; nothing in the old one was touched.',
  ),
  store_corrupt: lasting(
    'The database is damaged. Restore a back-up, or move the file away to begin anew.',
  ),
  clock_doubted: {
    status: 409,
    isRetryable: false,
    text: 'The clock may be wrong, and what is forgotten cannot be had back.',
  },
  invalid_settings: lasting('Settings are wrong; every problem is listed.'),
  invalid_handler: lasting('A handler module is wrong; every problem is listed.'),
} as const satisfies Record<string, KnownError>

export type ErrorCode = keyof typeof ERRORS

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
    const { text } = ERRORS[code]
    super(options.detail ? `${text} (${options.detail})` : text, { cause: options.cause })
    this.name = 'ReceiverError'
    this.code = code
    this.detail = options.detail
    this.isAway = options.isAway ?? false
  }

  get known(): KnownError {
    return ERRORS[this.code]
  }
}
