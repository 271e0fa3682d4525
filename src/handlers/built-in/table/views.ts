/** In what the engines differ. */
export interface Dialect {
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
