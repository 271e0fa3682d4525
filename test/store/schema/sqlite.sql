CREATE INDEX batches_open ON batches (seq) WHERE is_open = 1;

CREATE INDEX events_by_message ON events (bucket, substr(message_id, 1, 16))
  WHERE message_id IS NOT NULL;

CREATE INDEX events_by_recipient ON events (bucket, substr(recipient, 1, 16))
  WHERE recipient IS NOT NULL;

CREATE INDEX events_by_twin      ON events (twin)               WHERE twin IS NOT NULL;

CREATE INDEX events_by_verdict   ON events (verdict, id)        WHERE verdict <> 'dispatched';

CREATE UNIQUE INDEX jobs_by_event ON jobs (event, handler);

CREATE INDEX jobs_dead ON jobs (event, handler)         WHERE state = 'dead';

CREATE INDEX jobs_due  ON jobs (handler, due_at, event) WHERE state = 'pending';

CREATE INDEX quarantine_by_batch ON quarantine (batch);

CREATE INDEX runs_by_batch ON runs (batch);

CREATE INDEX runs_open     ON runs (handler, id) WHERE open > 0;

CREATE TABLE audit (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  action     TEXT    NOT NULL,
  outcome    TEXT    NOT NULL,
  network    TEXT    NOT NULL,
  parameters TEXT    NOT NULL,
  counts     TEXT    NOT NULL
) STRICT;

CREATE TABLE batches (
  seq             INTEGER PRIMARY KEY,
  id              TEXT    NOT NULL UNIQUE,
  source          TEXT    NOT NULL,
  provider        TEXT    NOT NULL,
  received_at     INTEGER NOT NULL,
  content_type    TEXT,
  sha256          BLOB    NOT NULL,
  body_bytes      INTEGER NOT NULL,
  is_open         INTEGER NOT NULL DEFAULT 1,
  unpacked_pieces INTEGER NOT NULL DEFAULT 0,
  events          INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE bodies (
  batch INTEGER PRIMARY KEY,
  body  BLOB NOT NULL
) STRICT;

CREATE TABLE counters (
  name TEXT    PRIMARY KEY,
  n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event_series (
  step TEXT    NOT NULL,
  at   INTEGER NOT NULL,
  type TEXT    NOT NULL,
  n    INTEGER NOT NULL,
  PRIMARY KEY (step, at, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  id          INTEGER PRIMARY KEY,
  bucket      INTEGER NOT NULL,
  start       INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  key         BLOB    NOT NULL,
  type        TEXT    NOT NULL,
  name        TEXT,
  event_id    TEXT,
  verdict     TEXT    NOT NULL,
  twin        INTEGER,
  occurred_at INTEGER,
  recipient   TEXT,
  message_id  TEXT
) STRICT;

CREATE TABLE handlers (
  name          TEXT    PRIMARY KEY,
  module        TEXT    NOT NULL,
  keys          TEXT    NOT NULL,
  takes_batches INTEGER NOT NULL,
  conditions    TEXT,
  paused_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  id          INTEGER PRIMARY KEY,
  event       INTEGER NOT NULL,
  handler     TEXT    NOT NULL,
  state       TEXT    NOT NULL,
  attempt     INTEGER NOT NULL,
  spared      INTEGER NOT NULL DEFAULT 0,
  fence       INTEGER NOT NULL DEFAULT 0,
  running     INTEGER NOT NULL DEFAULT 0,
  alone       INTEGER NOT NULL DEFAULT 0,
  due_at      INTEGER,
  ended_at    INTEGER,
  duration_ms INTEGER,
  failures    TEXT,
  payload     BLOB    NOT NULL
) STRICT;

CREATE TABLE key_blocks (
  id          INTEGER PRIMARY KEY,
  hour        INTEGER,
  keys        INTEGER NOT NULL,
  first_event INTEGER NOT NULL,
  last_event  INTEGER NOT NULL,
  entries     BLOB    NOT NULL
) STRICT;

CREATE TABLE key_filters (
  id   INTEGER PRIMARY KEY,
  bits BLOB NOT NULL
) STRICT;

CREATE TABLE key_marks (
  hour        INTEGER PRIMARY KEY,
  first_event INTEGER NOT NULL,
  last_event  INTEGER NOT NULL
) STRICT;

CREATE TABLE key_pages (
  id      INTEGER PRIMARY KEY,
  entries BLOB NOT NULL
) STRICT;

CREATE TABLE key_segments (
  id            INTEGER PRIMARY KEY,
  level         INTEGER NOT NULL,
  entries       INTEGER NOT NULL,
  first_event   INTEGER NOT NULL,
  last_event    INTEGER NOT NULL,
  filter_blocks INTEGER NOT NULL,
  missing       INTEGER NOT NULL
) STRICT;

CREATE TABLE notes (
  name    TEXT    PRIMARY KEY,
  version INTEGER NOT NULL,
  body    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  id       INTEGER PRIMARY KEY,
  batch    INTEGER NOT NULL,
  reason   TEXT    NOT NULL,
  detail   TEXT    NOT NULL,
  position INTEGER NOT NULL,
  pieces   INTEGER NOT NULL,
  start    INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  piece    BLOB
) STRICT;

CREATE TABLE runs (
  id        INTEGER PRIMARY KEY,
  batch     INTEGER NOT NULL,
  handler   TEXT    NOT NULL,
  base      INTEGER NOT NULL,
  wanted    BLOB    NOT NULL,
  done      BLOB,
  failed    BLOB,
  open      INTEGER NOT NULL,
  opened    INTEGER NOT NULL,
  opened_at INTEGER,
  timings   BLOB
) STRICT;

CREATE TABLE schema_migrations (
    name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'rows of audit are only added'); END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'rows of audit are only added'); END;
