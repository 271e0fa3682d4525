/** Types of columns, by their names in PostgreSQL. */
type ColumnType = 'bigint' | 'integer' | 'text' | 'bytea'

/** A table that is copied row by row, in the order of its primary key. */
export interface CopiedTable {
  readonly name: string
  readonly key: readonly string[]
  /** The column that decides how many rows may go together. */
  readonly bulk?: string
  readonly columns: Readonly<Record<string, ColumnType>>
}

/**
 * In this order: a target that is used too early then knows every key before it has any job, and
 * takes what is sent again for duplicates.
 */
export const COPIED_TABLES: readonly CopiedTable[] = [
  {
    name: 'keys',
    key: ['key'],
    columns: { key: 'text', digest: 'text', event_id: 'bigint', received_at: 'bigint' },
  },
  {
    name: 'events',
    key: ['id'],
    bulk: 'payload',
    columns: {
      id: 'bigint',
      batch_seq: 'bigint',
      position: 'integer',
      source: 'text',
      provider: 'text',
      type: 'text',
      name: 'text',
      verdict: 'text',
      key: 'text',
      event_id: 'text',
      recipient: 'text',
      message_id: 'text',
      occurred_at: 'bigint',
      received_at: 'bigint',
      payload: 'text',
    },
  },
  {
    name: 'quarantine',
    key: ['id'],
    bulk: 'body',
    columns: {
      id: 'bigint',
      batch_seq: 'bigint',
      source: 'text',
      reason: 'text',
      detail: 'text',
      position: 'integer',
      pieces: 'integer',
      byte_offset: 'integer',
      received_at: 'bigint',
      body: 'bytea',
    },
  },
  {
    name: 'batches',
    key: ['seq'],
    bulk: 'body',
    columns: {
      seq: 'bigint',
      id: 'text',
      source: 'text',
      provider: 'text',
      received_at: 'bigint',
      content_type: 'text',
      sha256: 'text',
      body_bytes: 'integer',
      unpacked_pieces: 'integer',
      stored: 'integer',
      duplicates: 'integer',
      conflicts: 'integer',
      stale: 'integer',
      quarantined: 'integer',
      body: 'bytea',
    },
  },
  {
    name: 'jobs',
    key: ['event_id', 'handler'],
    bulk: 'failures',
    columns: {
      event_id: 'bigint',
      handler: 'text',
      state: 'text',
      attempt: 'integer',
      fence: 'integer',
      due_at: 'bigint',
      ended_at: 'bigint',
      duration_ms: 'bigint',
      failures: 'text',
    },
  },
  {
    name: 'audit',
    key: ['id'],
    columns: {
      id: 'bigint',
      at: 'bigint',
      action: 'text',
      outcome: 'text',
      network: 'text',
      parameters: 'text',
      counts: 'text',
    },
  },
  {
    name: 'event_series',
    key: ['step', 'at', 'type'],
    columns: { step: 'text', at: 'bigint', type: 'text', n: 'bigint' },
  },
]

export type CopiedValue = string | number | Uint8Array | null
export type CopiedRow = Readonly<Record<string, CopiedValue>>

/** Rows by table. */
export type RowCounts = Readonly<Record<string, number>>

/** How far a copy has come; a table that is missing was not begun. */
export type CopyProgress = Readonly<
  Record<string, { readonly after: readonly CopiedValue[]; readonly rows: number }>
>

/** What the source is and has, besides its rows. */
export interface SourceFacts {
  /** The same for a file, wherever it is moved. */
  readonly identity: string
  /** Changes whenever a receiver did something in it. */
  readonly version: string
  readonly rows: RowCounts
  /** The highest numbers given so far: new rows go on behind them. */
  readonly highest: {
    readonly batches: number
    readonly events: number
    readonly quarantine: number
    readonly audit: number
  }
  /** As the target counts. */
  readonly counters: ReadonlyMap<string, number>
  readonly handlers: readonly CopiedRow[]
}

/** Why nothing, or nothing more, is copied. */
export type CopyProblem =
  | 'source_missing'
  | 'source_changed'
  | 'target_used'
  | 'target_changed'
  | 'taken_over'

export class CopyRefused extends Error {
  readonly problem: CopyProblem

  constructor(problem: CopyProblem) {
    super(`The store is not copied: ${problem}.`)
    this.name = 'CopyRefused'
    this.problem = problem
  }
}
