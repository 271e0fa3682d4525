/** What is in a store, and its newest events' time. */
export interface Seed {
  /** A multiple of 500. */
  readonly events: number
  /** Every so many events, one is dead. */
  readonly deadEvery: number
  /** How many of the newest wait; a multiple of 500. */
  readonly pending: number
  /** Milliseconds since 1970; the events spread over the 29 days before. */
  readonly now: number
}

/** In what the two engines differ here. */
export interface Dialect {
  /** A table of the numbers from 1 to `count`, called `n (id)`. */
  numbers(count: number): string
  readonly lineEnd: string
  /** Inserts these events, with no place among what they are found by. */
  insertEvents(select: string): string
  /** A text as bytes. */
  bytes(text: string): string
  /** Bytes, given in hex. */
  literal(hex: string): string
  /** 16 bytes made of a number. */
  key(number: string): string
  /** Repeats a text. */
  repeat(text: string, times: number): string
}

/** Less than events are kept, or the oldest would be forgotten before they are asked for. */
const DAYS_MS = 29 * 86_400_000
const PER_BATCH = 500
const PAYLOAD = `{"event":"open","email":"user@example.com","filler":"${'x'.repeat(240)}"}`
const ROWS_TOGETHER = 500
const POSITIONS = 1_048_576

const BATCH = `(1 + (id - 1) / ${PER_BATCH})`
const POSITION = `((id - 1) % ${PER_BATCH})`
const EVENT = `(${BATCH} * ${POSITIONS} + ${POSITION})`

/**
 * The SQL that fills an empty store, the same for both engines but for the dialect. Straight into the
 * tables: the way through a journal takes minutes. Mails of which one in 100,000 events is in
 * conflict; one handler, `counter`, wants all.
 */
export function* seedStatements(dialect: Dialect, seed: Seed): Generator<string> {
  const { events, deadEvery, pending, now } = seed
  const { numbers, bytes, key, repeat, literal, lineEnd } = dialect
  const batches = events / PER_BATCH
  const at = `${now - DAYS_MS} + ${BATCH} * ${Math.floor(DAYS_MS / batches)}`
  const settled = events - pending
  yield `INSERT INTO batches (seq, id, source, provider, received_at, sha256, body_bytes, is_open,
       unpacked_pieces, events)
     SELECT id, 'batch-' || id, 'mailtrap', 'mailtrap',
       ${now - DAYS_MS} + id * ${Math.floor(DAYS_MS / batches)}, ${literal('00')}, ${PER_BATCH * PAYLOAD.length}, 0,
       ${PER_BATCH}, ${PER_BATCH} FROM ${numbers(batches)}`
  yield `INSERT INTO bodies SELECT id, ${bytes(repeat(`'${PAYLOAD}'`, PER_BATCH))} FROM ${numbers(batches)}`
  yield dialect.insertEvents(
    `SELECT ${EVENT} AS id, ${POSITION} * ${PAYLOAD.length} AS start, ${PAYLOAD.length} AS bytes,
       ${key('id')} AS key,
       CASE id % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'delivery' ELSE 'click' END AS type,
       'e' || id AS event_id,
       CASE WHEN id % 100000 = 0 THEN 'conflict' ELSE 'dispatched' END AS verdict,
       ${at} AS occurred_at, 'user' || (id % 200000) || '@example.com' AS recipient,
       'm' || (id / 4) AS message_id FROM ${numbers(events)}`,
  )
  yield `INSERT INTO jobs (event, handler, state, attempt, ended_at, duration_ms, failures, payload)
     SELECT ${EVENT}, 'counter', 'dead', 1, ${at}, 7,
       '{"attempt":1,"outcome":"dead","endedAt":' || (1000 * id) || ',"durationMs":7,"error":"Error: 50'
         || (id % 7) || ' from the CRM for order ' || id || '"}' || ${lineEnd},
       ${bytes(`'${PAYLOAD}'`)}
     FROM ${numbers(settled)} WHERE id % ${deadEvery} = 0 AND id % 100000 <> 0`
  for (let from = 0; from < batches; from += ROWS_TOGETHER) {
    const rows = Array.from({ length: Math.min(ROWS_TOGETHER, batches - from) }, (_, index) =>
      describeRun(from + index, { deadEvery, settled, now, literal }),
    )
    yield `INSERT INTO runs (batch, handler, base, wanted, done, failed, open, opened, opened_at)
       VALUES ${rows.join(', ')}`
  }
  for (const [step, stepMs] of [
    ['minute', 60_000],
    ['hour', 3_600_000],
  ] as const) {
    yield `INSERT INTO event_series (step, at, type, n) SELECT '${step}', b.received_at - b.received_at % ${stepMs},
         e.type, count(*) FROM events e JOIN batches b ON b.seq = e.id / ${POSITIONS}
       WHERE b.received_at > ${step === 'minute' ? now - 2 * 86_400_000 : 0}
       GROUP BY b.received_at - b.received_at % ${stepMs}, e.type`
  }
  yield `INSERT INTO counters (name, n) SELECT 'type:' || type, count(*) FROM events GROUP BY type`
  yield `INSERT INTO counters (name, n) VALUES ('events', ${events}), ('batches', ${batches}),
     ('events_ever', ${events}), ('last_batch', ${batches}), ('done:counter', ${settled})`
}

/** A row of `runs`: the events of a batch, of which some have failed, or all wait. */
function describeRun(
  index: number,
  {
    deadEvery,
    settled,
    now,
    literal,
  }: Pick<Seed, 'deadEvery' | 'now'> & { settled: number } & Pick<Dialect, 'literal'>,
): string {
  const first = index * PER_BATCH + 1
  const [wanted, done, failed] = [0, 0, 0].map(() => Buffer.alloc(Math.ceil(PER_BATCH / 8)))
  const isWaiting = first > settled
  for (let position = 0; position < PER_BATCH; position++) {
    const id = first + position
    if (id % 100_000 === 0) continue
    const bit = 1 << (position & 7)
    const mark = (bits: Buffer | undefined) => {
      if (bits) bits[position >> 3] = (bits[position >> 3] ?? 0) | bit
    }
    mark(wanted)
    if (!isWaiting) mark(id % deadEvery === 0 ? failed : done)
  }
  const show = (bits: Buffer | undefined) => literal(bits?.toString('hex') ?? '')
  const ended = isWaiting ? 'NULL, NULL' : `${show(done)}, ${show(failed)}`
  const base = (index + 1) * POSITIONS
  const open = isWaiting ? PER_BATCH : 0
  return `(${index + 1}, 'counter', ${base}, ${show(wanted)}, ${ended}, ${open}, ${isWaiting ? 0 : 1}, ${now - DAYS_MS})`
}
