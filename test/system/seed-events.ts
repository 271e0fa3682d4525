/** What is in a store, and its newest events' time. */
export interface Seed {
  readonly events: number
  /** Every so many events, one is dead. */
  readonly deadEvery: number
  /** How many of the newest wait. */
  readonly pending: number
  /** Milliseconds since 1970; the events spread over the 29 days before. */
  readonly now: number
}

/** Less than events are kept, or the oldest would be forgotten before they are asked for. */
const DAYS_MS = 29 * 86_400_000
const FILLER = 'x'.repeat(240)
const SENT_TO = `'user' || (id % 200000) || '@example.com'`
const FAILURE = `'{"attempt":1,"outcome":"dead","endedAt":' || (1000 * id) || ',"durationMs":7,"error":"Error: 50'
  || (id % 7) || ' from the CRM for order ' || id || '"}' || chr(10)`

/**
 * The SQL that fills an empty store, the same for both engines but for `numbers`, which is a table
 * of the numbers from 1 to `events`. Straight into the tables: the way through a journal takes
 * minutes. Mails of which one in 100,000 events is in conflict; one handler, `counter`, wants all.
 */
export function seedStatements(
  numbers: string,
  { events, deadEvery, pending, now }: Seed,
): string[] {
  const at = `${now - DAYS_MS} + id * ${Math.floor(DAYS_MS / events)}`
  const first = `${events - pending}`
  return [
    `INSERT INTO batches (seq, id, source, provider, received_at, sha256, body_bytes, unpacked_pieces)
     SELECT id, 'batch-' || id, 'mailtrap', 'mailtrap', ${now - DAYS_MS} + id * 1000, '', 1, 500
     FROM ${numbers} WHERE id <= ${Math.ceil(events / 500)}`,
    `INSERT INTO events (id, batch_seq, position, source, provider, type, verdict, key, event_id, recipient,
       message_id, occurred_at, received_at, payload)
     SELECT id, 1 + id / 500, id % 500, 'mailtrap', 'mailtrap',
       CASE id % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'delivery' ELSE 'click' END,
       CASE WHEN id % 100000 = 0 THEN 'conflict' ELSE 'dispatched' END,
       'key' || id, 'e' || id, ${SENT_TO}, 'm' || (id / 4), ${at}, ${at},
       '{"event":"open","email":"' || ${SENT_TO} || '","filler":"${FILLER}"}'
     FROM ${numbers}`,
    `INSERT INTO jobs (event_id, handler, state, attempt, due_at, ended_at, duration_ms, failures)
     SELECT id, 'counter',
       CASE WHEN id > ${first} THEN 'pending' WHEN id % ${deadEvery} = 0 THEN 'dead' ELSE 'done' END, 1,
       CASE WHEN id > ${first} THEN ${now} END, ${at}, 7,
       CASE WHEN id > ${first} OR id % ${deadEvery} = 0 THEN ${FAILURE} END
     FROM ${numbers} WHERE id % 100000 <> 0`,
    ...[60_000, 3_600_000].map(
      (step) =>
        `INSERT INTO event_series SELECT '${step === 60_000 ? 'minute' : 'hour'}',
         received_at - received_at % ${step}, type, count(*) FROM events
         WHERE received_at > ${step === 60_000 ? now - 2 * 86_400_000 : 0}
         GROUP BY received_at - received_at % ${step}, type`,
    ),
    `INSERT INTO counters SELECT 'type:' || type, count(*) FROM events GROUP BY type`,
    `INSERT INTO counters VALUES ('events', ${events}), ('batches', ${Math.ceil(events / 500)}),
       ('last_event_id', ${events}), ('done:counter', ${events})`,
  ]
}
