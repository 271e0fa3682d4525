export interface EraseRequest {
  /** What tells of the person: the e-mail address, and what stands for it where it was hashed. */
  readonly traces: readonly string[]
  /** Where the call before left off. */
  readonly after?: string
}

export interface EraseReceipt {
  /** Events that held a trace; they are gone, with their jobs. */
  readonly events: number
  /** Unreadable pieces that held one; gone as well. */
  readonly pieces: number
  /** Errors of other events' jobs that held one; their text is gone. */
  readonly errors: number
  /** Events looked at. */
  readonly seen: number
  /** There is more: call again with this. */
  readonly after: string | undefined
}

/** What became of a person. */
export interface ErasureReport {
  /** Events with their jobs, unreadable pieces, errors of other people's jobs, files set aside. */
  readonly events: number
  readonly pieces: number
  readonly errors: number
  readonly files: number
  /** Batches that hold a trace and were not unpacked in time: to be erased again. */
  readonly waiting: number
  /** False: the bytes of deleted rows can still be found in the store's files. */
  readonly isWiped: boolean
}

/** Events looked at, of those there were. */
export type ErasureProgress = (done: number, total: number) => void
