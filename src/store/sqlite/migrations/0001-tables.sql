-- Why: the journal, what is unpacked from it, and what is to be done with it.
-- All times are milliseconds since 1970 unless the name says otherwise.

-- One authentic request. The body stays until every byte of it lives in an event or in quarantine.
CREATE TABLE batches (
  seq             INTEGER PRIMARY KEY,
  id              TEXT    NOT NULL UNIQUE,
  source          TEXT    NOT NULL,
  provider        TEXT    NOT NULL,
  received_at     INTEGER NOT NULL,
  content_type    TEXT,
  sha256          TEXT    NOT NULL,
  body_bytes      INTEGER NOT NULL,
  unpacked_pieces INTEGER NOT NULL DEFAULT 0,
  stored          INTEGER NOT NULL DEFAULT 0,
  duplicates      INTEGER NOT NULL DEFAULT 0,
  conflicts       INTEGER NOT NULL DEFAULT 0,
  stale           INTEGER NOT NULL DEFAULT 0,
  quarantined     INTEGER NOT NULL DEFAULT 0,
  body            BLOB
) STRICT;
CREATE INDEX batches_open ON batches (seq) WHERE body IS NOT NULL;

-- What makes a repeated event harmless: INSERT OR IGNORE into this table decides. Outlives the
-- event, and holds hashes only.
CREATE TABLE keys (
  key         TEXT    PRIMARY KEY,
  digest      TEXT    NOT NULL,
  event_id    INTEGER NOT NULL,
  received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One event. `payload` is the exact text received. `verdict` is what unpacking decided:
-- dispatched, unhandled, conflict or stale; whether a dispatched one is pending, done or dead
-- follows from its jobs, so that settling a job never rewrites the event.
CREATE TABLE events (
  id          INTEGER PRIMARY KEY,
  batch_seq   INTEGER NOT NULL,
  position    INTEGER NOT NULL,
  source      TEXT    NOT NULL,
  provider    TEXT    NOT NULL,
  type        TEXT    NOT NULL,
  name        TEXT,
  verdict     TEXT    NOT NULL,
  key         TEXT    NOT NULL,
  event_id    TEXT,
  recipient   TEXT,
  message_id  TEXT,
  occurred_at INTEGER,
  received_at INTEGER NOT NULL,
  payload     TEXT    NOT NULL
) STRICT;
-- The look-up indexes are cut into buckets of 4,096 events by order of arrival. Random values then
-- land in the few pages of the newest bucket instead of all over a tree of millions, so an insert
-- costs the same on day 1 and day 400; a look-up probes the buckets from the newest to the oldest.
CREATE INDEX events_by_recipient ON events (id >> 12, recipient)  WHERE recipient  IS NOT NULL;
CREATE INDEX events_by_message   ON events (id >> 12, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX events_by_event_id  ON events (id >> 12, event_id)   WHERE event_id   IS NOT NULL;
CREATE INDEX events_by_verdict   ON events (verdict, id) WHERE verdict <> 'dispatched';

-- One event to be run by one handler. While it is pending, `due_at` is when it may be claimed;
-- leases live in memory, because one process has the file. `ended_at` and `duration_ms` tell of the
-- newest attempt, `failures` holds one JSON line per failed attempt.
CREATE TABLE jobs (
  event_id    INTEGER NOT NULL,
  handler     TEXT    NOT NULL,
  state       TEXT    NOT NULL,
  attempt     INTEGER NOT NULL,
  due_at      INTEGER,
  ended_at    INTEGER,
  duration_ms INTEGER,
  failures    TEXT,
  PRIMARY KEY (event_id, handler)
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_due  ON jobs (handler, due_at) WHERE state = 'pending';
CREATE INDEX jobs_dead ON jobs (event_id)        WHERE state = 'dead';

-- What was authentic but could not be read.
CREATE TABLE quarantine (
  id          INTEGER PRIMARY KEY,
  batch_seq   INTEGER NOT NULL,
  source      TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  detail      TEXT    NOT NULL,
  position    INTEGER NOT NULL,
  pieces      INTEGER NOT NULL,
  byte_offset INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  body        BLOB    NOT NULL
) STRICT;

-- Handlers seen here, so that events wait for one whose module cannot be loaded today.
CREATE TABLE handlers (
  name          TEXT    PRIMARY KEY,
  module        TEXT    NOT NULL,
  keys          TEXT    NOT NULL,
  takes_batches INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Totals that would be slow to count, and marks: `keys_pruned_through`, `last_event_id`.
CREATE TABLE counters (
  name TEXT    PRIMARY KEY,
  n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
