-- Why: batches as received, while the shared store is away. The columns mean what they mean there;
-- a batch is removed once the store has it. All times are milliseconds since 1970.
CREATE TABLE batches (
  seq          INTEGER PRIMARY KEY,
  id           TEXT    NOT NULL UNIQUE,
  source       TEXT    NOT NULL,
  provider     TEXT    NOT NULL,
  received_at  INTEGER NOT NULL,
  content_type TEXT,
  sha256       BLOB    NOT NULL
) STRICT;

CREATE TABLE bodies (
  batch INTEGER PRIMARY KEY,
  body  BLOB NOT NULL
) STRICT;
