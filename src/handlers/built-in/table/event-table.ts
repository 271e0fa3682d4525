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

type Column = keyof typeof COLUMNS
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

/** In what the engines differ. */
interface Dialect {
  /** The table, as it stands behind FROM: each event once. */
  readonly table: string
  /** The day of a time. */
  day(time: string): string
}

const STATES = [
  'complained',
  'rejected',
  'bounced',
  'unsubscribed',
  'clicked',
  'opened',
  'delivered',
  'deferred',
  'suspended',
] as const
type State = (typeof STATES)[number]

const count = (state: State) =>
  `sum(CASE WHEN name = 'email.${state}' THEN 1 ELSE 0 END) AS ${state}`
const countMessages = (state: State) =>
  `coalesce(count(DISTINCT CASE WHEN name = 'email.${state}' THEN message_id END), 0) AS ${state}`
const first = (state: State, as: string) =>
  `min(CASE WHEN name = 'email.${state}' THEN occurred_at END) AS ${as}`
const latest = (state: State) =>
  `max(CASE WHEN name = 'email.${state}' THEN occurred_at END) AS ${state}_at`
const percent = (part: string, whole: string, as: string) =>
  `round(100.0 * ${part} / nullif(${whole}, 0), 2) AS ${as}`

const SENDING: readonly State[] = ['delivered', 'deferred', 'bounced', 'complained', 'unsubscribed']

/**
 * What is asked of such a table most: by the last part of the view's name, its query. The state of a
 * recipient is the one of the highest rank, in the order of `rank` of a normalised event.
 */
export function describeViews({ table, day }: Dialect): Readonly<Record<string, string>> {
  return {
    by_domain_day: `SELECT ${day('occurred_at')} AS day, sending_domain, ${SENDING.map(count).join(', ')} FROM ${table} WHERE name IS NOT NULL GROUP BY day, sending_domain`,
    by_category: `SELECT sending_stream, category, ${SENDING.join(', ')}, opened, clicked, ${[
      percent('delivered', '(delivered + bounced)', 'delivered_percent'),
      percent('opened', 'delivered', 'opened_percent'),
      percent('complained', 'delivered', 'complained_percent'),
    ].join(', ')} FROM (SELECT sending_stream, category, ${[
      ...SENDING.map(count),
      countMessages('opened'),
      countMessages('clicked'),
    ].join(
      ', ',
    )} FROM ${table} WHERE name IS NOT NULL GROUP BY sending_stream, category) AS counted`,
    messages: `SELECT message_id, to_recipient AS recipient, delivered_at, opened, first_opened_at, clicked, first_clicked_at, last_event_at FROM (SELECT message_id, min(recipient) AS to_recipient, ${[
      first('delivered', 'delivered_at'),
      count('opened'),
      first('opened', 'first_opened_at'),
      count('clicked'),
      first('clicked', 'first_clicked_at'),
      'max(occurred_at) AS last_event_at',
    ].join(', ')} FROM ${table} WHERE message_id IS NOT NULL GROUP BY message_id) AS counted`,
    recipients: `SELECT recipient, CASE ${STATES.map(
      (state) => `WHEN ${state}_at IS NOT NULL THEN '${state}'`,
    ).join(' ')} END AS state, ${STATES.map((state) => `${state}_at`).join(
      ', ',
    )} FROM (SELECT recipient, ${STATES.map(latest).join(
      ', ',
    )} FROM ${table} WHERE recipient IS NOT NULL AND name IS NOT NULL GROUP BY recipient) AS dated`,
  }
}
