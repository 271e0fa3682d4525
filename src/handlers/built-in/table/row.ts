import { cleanText, readNumber, readObject } from '../../../providers/read-value.ts'
import type { AttemptInfo } from '../../handler-context.ts'

/** The columns of a table of events, in order, with what kind of value is in each. */
export const COLUMNS = {
  id: 'text',
  type: 'text',
  name: 'text',
  provider: 'text',
  source: 'text',
  occurred_at: 'time',
  received_at: 'time',
  recipient: 'text',
  message_id: 'text',
  category: 'text',
  sending_stream: 'text',
  sending_domain: 'text',
  bounce_category: 'text',
  response_code: 'integer',
  url: 'text',
  payload: 'text',
} as const

export type Column = keyof typeof COLUMNS
export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly Column[]

/** An event as it goes into the table: texts as received, times, a whole number; undefined: not given. */
export type TableRow = Readonly<Record<Column, string | number | Date | undefined>>

/** A table of events, wherever it is. */
export interface EventTable {
  /** Rows whose id is there already change nothing. Rejects when not all of them are stored. */
  store(rows: readonly TableRow[], signal: AbortSignal): Promise<void>
}

const MAX_INTEGER = 2 ** 31 - 1

/** Where a provider keeps what others do not know is looked for in the event itself and in its `data`. */
export function toRow(item: AttemptInfo & { readonly id: string }): TableRow {
  const event: Readonly<Record<string, unknown>> = item.original
  const details = { ...readObject(event.data), ...event }
  const code = readNumber(details.response_code ?? details.code)
  return {
    id: item.id,
    type: cleanText(item.type),
    name: item.name,
    provider: item.provider,
    source: item.source,
    occurred_at: item.occurredAt,
    received_at: item.receivedAt,
    recipient: item.recipient,
    message_id: item.messageId,
    category: cleanText(details.category),
    sending_stream: cleanText(details.sending_stream),
    sending_domain: cleanText(details.sending_domain_name ?? details.domain),
    bounce_category: cleanText(details.bounce_category ?? details.bounce_type),
    response_code: Number.isInteger(code) && Number(code) <= MAX_INTEGER ? code : undefined,
    url: cleanText(details.url),
    payload: item.payload,
  }
}
