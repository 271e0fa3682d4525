CREATE INDEX batches_open ON batches (seq) WHERE is_open = 1;

CREATE INDEX events_by_twin    ON event_rows (twin)        WHERE twin IS NOT NULL;

CREATE INDEX events_by_verdict ON event_rows (verdict, id) WHERE verdict IS NOT NULL;

CREATE UNIQUE INDEX jobs_by_event ON jobs (event, handler);

CREATE INDEX jobs_dead ON jobs (event, handler)         WHERE state = 'dead';

CREATE INDEX jobs_due  ON jobs (handler, due_at, event) WHERE state = 'pending';

CREATE INDEX jobs_untried ON jobs (handler)             WHERE state = 'pending' AND attempt = 0;

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

CREATE TABLE event_rows (
  id          INTEGER PRIMARY KEY,
  start       INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  key         BLOB    NOT NULL,
  type        ANY     NOT NULL,
  name        ANY,
  event_id    TEXT,
  verdict     TEXT,
  twin        INTEGER,
  occurred_at INTEGER,
  recipient   TEXT,
  message_id  ANY
) STRICT;

CREATE TABLE event_series (
  step TEXT    NOT NULL,
  at   INTEGER NOT NULL,
  type TEXT    NOT NULL,
  n    INTEGER NOT NULL,
  PRIMARY KEY (step, at, type)
) STRICT, WITHOUT ROWID;

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
  hour        INTEGER NOT NULL,
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

CREATE TABLE lookups (
  id         INTEGER PRIMARY KEY,
  last_event INTEGER NOT NULL,
  entries    INTEGER NOT NULL,
  recipients BLOB    NOT NULL,
  messages   BLOB    NOT NULL,
  offsets    BLOB    NOT NULL
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
  fence     INTEGER NOT NULL DEFAULT 0,
  opened    INTEGER NOT NULL,
  opened_at INTEGER,
  timings   BLOB
) STRICT;

CREATE TABLE schema_migrations (
    name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE words (
  id   INTEGER PRIMARY KEY,
  word TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'rows of audit are only added'); END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'rows of audit are only added'); END;

CREATE TRIGGER events_are_deleted INSTEAD OF DELETE ON events
  BEGIN DELETE FROM event_rows WHERE id = OLD.id; END;

CREATE TRIGGER events_are_dispatched INSTEAD OF UPDATE OF verdict ON events
  BEGIN UPDATE event_rows SET verdict = nullif(NEW.verdict, 'dispatched') WHERE id = NEW.id; END;

CREATE VIEW events AS
  SELECT id, start, bytes, key,
    CASE typeof(type) WHEN 'integer' THEN (SELECT word FROM words WHERE words.id = type)
      ELSE type END AS type,
    CASE typeof(name) WHEN 'integer' THEN (SELECT word FROM words WHERE words.id = name)
      ELSE name END AS name,
    event_id, ifnull(verdict, 'dispatched') AS verdict, twin, occurred_at, recipient,
    CASE typeof(message_id) WHEN 'blob' THEN lower(
      substr(hex(message_id), 1, 8) || '-' || substr(hex(message_id), 9, 4) || '-' ||
      substr(hex(message_id), 13, 4) || '-' || substr(hex(message_id), 17, 4) || '-' ||
      substr(hex(message_id), 21)) ELSE message_id END AS message_id,
    type AS stored_type, verdict AS stored_verdict
  FROM event_rows;
