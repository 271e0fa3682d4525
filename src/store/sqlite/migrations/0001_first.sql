-- Why: the journal, what is unpacked from it, and what is to be done with it. The bytes of a batch
-- are written once, into `bodies`; everything else points into them.
-- All times are milliseconds since 1970 unless the name says otherwise. The number of an event is
-- made of its batch's number and its position: batch * 2^20 + position.

-- One authentic request. Apart from its body, so that progress never rewrites bytes.
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
CREATE INDEX batches_open ON batches (seq) WHERE is_open = 1;

-- As received. Only redaction, in the transaction that unpacks, and erasure change it; retention
-- removes it, and with it its events.
CREATE TABLE bodies (
  batch INTEGER PRIMARY KEY,
  body  BLOB NOT NULL
) STRICT;

-- What makes a repeated event harmless. A key has 16 bytes and outlives its event; none holds
-- personal data. The keys of a page of events are one block, so that they cost their own size and
-- not a page of a tree each: all keys, then their events, counted from the first of them in as few
-- bytes as that takes, a word that is 0, a checksum. Small ones of one hour share a block. Blocks are
-- read into memory at the start, and removed once they are in a segment. `hour` is when their batches
-- were received.
CREATE TABLE key_blocks (
  id          INTEGER PRIMARY KEY,
  hour        INTEGER NOT NULL,
  keys        INTEGER NOT NULL,
  first_event INTEGER NOT NULL,
  last_event  INTEGER NOT NULL,
  entries     BLOB    NOT NULL
) STRICT;
-- Older keys, in the order of their hashes. A segment has its row from the moment it is whole; pages
-- and filters of any other are left-overs, and are removed. `missing` counts the keys that damage took.
CREATE TABLE key_segments (
  id            INTEGER PRIMARY KEY,
  level         INTEGER NOT NULL,
  entries       INTEGER NOT NULL,
  first_event   INTEGER NOT NULL,
  last_event    INTEGER NOT NULL,
  filter_blocks INTEGER NOT NULL,
  missing       INTEGER NOT NULL
) STRICT;
-- Neighbouring entries, as many as fill one page of the file: keys, events counted from the segment's
-- first, the hash at which the next page begins, a checksum. The number of a page is its segment * 2^32
-- + the hash at which it begins, so that one probe finds the page of a key, or that it is gone.
CREATE TABLE key_pages (
  id      INTEGER PRIMARY KEY,
  entries BLOB NOT NULL
) STRICT;
-- Which keys a segment may have, as parts of 64 KB with a checksum each; read at the start. A part
-- stands for neighbouring pages, and is made anew from them when it is damaged. Its number is its
-- segment * 2^32 + its place.
CREATE TABLE key_filters (
  id   INTEGER PRIMARY KEY,
  bits BLOB NOT NULL
) STRICT;
-- The first and the last event of batches that were received in an hour (since 1970): by which keys
-- are forgotten by time. Events below the counter `key_floor` are forgotten.
CREATE TABLE key_marks (
  hour        INTEGER PRIMARY KEY,
  first_event INTEGER NOT NULL,
  last_event  INTEGER NOT NULL
) STRICT;

-- Words that nearly every event has. An event keeps the number of one, and every other word as it is. What
-- a number means never changes; a word may be added by a migration.
CREATE TABLE words (
  id   INTEGER PRIMARY KEY,
  word TEXT NOT NULL
) STRICT;
INSERT INTO words VALUES
  (1, 'delivery'), (2, 'open'), (3, 'click'), (4, 'bounce'), (5, 'soft bounce'), (6, 'spam'),
  (7, 'unsubscribe'), (8, 'suspension'), (9, 'reject'), (10, 'inbound.message_received'),
  (11, 'delivered'), (12, 'bounced'), (13, 'deferred'), (14, 'opened'), (15, 'clicked'),
  (16, 'unsubscribed'), (17, 'complained'), (18, 'inbound'), (19, 'email.delivered'),
  (20, 'email.deferred'), (21, 'email.bounced'), (22, 'email.opened'), (23, 'email.clicked'),
  (24, 'email.unsubscribed'), (25, 'email.complained'), (26, 'email.rejected'),
  (27, 'email.suspended');

-- One event, in as few bytes as it takes; `events` tells it in words. Its bytes are those of its batch's
-- body from `start` on. `type` and `name` are numbers of words, or texts. `event_id` is the provider's
-- own id, empty when the key spells it. `verdict` is what unpacking decided, if that was not
-- `dispatched`; whether a dispatched one is pending, done or dead is a bit of its runs, or its job rows.
-- `twin` is the event with the same id. `message_id` is 16 bytes where it is a UUID in lower case.
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
CREATE INDEX events_by_verdict ON event_rows (verdict, id) WHERE verdict IS NOT NULL;
CREATE INDEX events_by_twin    ON event_rows (twin)        WHERE twin IS NOT NULL;

-- The events as the other engine has them, and what indexes and searches go by.
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
CREATE TRIGGER events_are_deleted INSTEAD OF DELETE ON events
  BEGIN DELETE FROM event_rows WHERE id = OLD.id; END;
CREATE TRIGGER events_are_dispatched INSTEAD OF UPDATE OF verdict ON events
  BEGIN UPDATE event_rows SET verdict = nullif(NEW.verdict, 'dispatched') WHERE id = NEW.id; END;

-- By which recipient, and by which message, events can be found: up to 500 events of at most 1,024
-- batches, of each a hash of 3 bytes, 0 where there is none, and how far its number is from that of the
-- row in 4. `entries` of them are in use; the rest are zeros, so that one more is written in place. What
-- arrives together lies together, so an insert costs the same on day 1 and day 400; a search goes
-- through all rows, two microseconds each.
CREATE TABLE lookups (
  id         INTEGER PRIMARY KEY,
  last_event INTEGER NOT NULL,
  entries    INTEGER NOT NULL,
  recipients BLOB    NOT NULL,
  messages   BLOB    NOT NULL,
  offsets    BLOB    NOT NULL
) STRICT;

-- The events of a page (or of a replay) that one handler is to run: a bit for each, from the event
-- `base` on, at most 1,024. wanted = done + failed + open, disjoint; what failed has a row in `jobs`.
-- `timings` has 4 bytes a bit: when it ended, in tenths of a second since `opened_at`, and how long it
-- took; see run-bits.ts. `fence` counts the openings, `opened` those after which the rest was not given back.
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
CREATE INDEX runs_by_batch ON runs (batch);
CREATE INDEX runs_open     ON runs (handler, id) WHERE open > 0;

-- One event of one handler that is not simply done: it failed, is dead, or was replayed by itself.
-- Once there, this row alone tells its state. It carries the event's bytes, so that nothing else has
-- to be kept for it. While it is pending, `due_at` is when it may be claimed; `running` until its
-- attempt has ended, also by the end of the receiver. `spared` attempts count for no schedule.
-- `failures` holds one JSON line for each attempt but the one by which it is done, and one for each
-- time it was discarded.
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
CREATE UNIQUE INDEX jobs_by_event ON jobs (event, handler);
CREATE INDEX jobs_due  ON jobs (handler, due_at, event) WHERE state = 'pending';
CREATE INDEX jobs_dead ON jobs (event, handler)         WHERE state = 'dead';
-- Pending ones that were never tried are few: figures count them here, and take them from all.
CREATE INDEX jobs_untried ON jobs (handler)             WHERE state = 'pending' AND attempt = 0;

-- What was authentic but could not be read: where in the body. `piece` has the bytes once the body is gone.
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
CREATE INDEX quarantine_by_batch ON quarantine (batch);

-- Handlers seen here, so that events wait for one whose module cannot be loaded today. While
-- `paused_at` is set, nothing of it is claimed. `conditions` is JSON: the values of which fields of an
-- event have to have one; NULL: it wants all that its keys name.
CREATE TABLE handlers (
  name          TEXT    PRIMARY KEY,
  module        TEXT    NOT NULL,
  keys          TEXT    NOT NULL,
  takes_batches INTEGER NOT NULL,
  conditions    TEXT,
  paused_at     INTEGER
) STRICT, WITHOUT ROWID;

-- Totals that would be slow to count, and marks: `keys_pruned_through`, `last_quarantine_id`, …
CREATE TABLE counters (
  name TEXT    PRIMARY KEY,
  n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the receiver remembers besides, as JSON: what was told of alerts. `version` counts the writes:
-- who writes names the one that was read, so that nobody overwrites what another has written since.
CREATE TABLE notes (
  name    TEXT    PRIMARY KEY,
  version INTEGER NOT NULL,
  body    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- How many events were stored of what was received in a minute, and in an hour, by type. `step` is
-- `minute` or `hour`; minutes are kept for two days, hours as long as events.
CREATE TABLE event_series (
  step TEXT    NOT NULL,
  at   INTEGER NOT NULL,
  type TEXT    NOT NULL,
  n    INTEGER NOT NULL,
  PRIMARY KEY (step, at, type)
) STRICT, WITHOUT ROWID;

-- Who had what done here, for those who have to account for it. Rows are only added, and never
-- pruned: what people ask for is little. `parameters` and `counts` are JSON; an erased address is
-- there as a slow, salted hash only. An action has a row when it begins and one when it ends.
CREATE TABLE audit (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  action     TEXT    NOT NULL,
  outcome    TEXT    NOT NULL,
  network    TEXT    NOT NULL,
  parameters TEXT    NOT NULL,
  counts     TEXT    NOT NULL
) STRICT;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'rows of audit are only added'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'rows of audit are only added'); END;
