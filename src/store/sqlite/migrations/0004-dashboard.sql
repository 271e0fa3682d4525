-- Why: the dashboard draws how many events came when, and pauses handlers.

-- Since when the handler is paused: none of its jobs is claimed then. NULL: it is not.
ALTER TABLE handlers ADD COLUMN paused_at INTEGER;

-- How many events were stored of what was received in a minute, and in an hour, by type. Counted
-- while unpacking, because counting the events themselves would read them all. `step` is `minute`
-- or `hour`; minutes are kept for two days, hours as long as events.
CREATE TABLE event_series (
  step TEXT    NOT NULL,
  at   INTEGER NOT NULL,
  type TEXT    NOT NULL,
  n    INTEGER NOT NULL,
  PRIMARY KEY (step, at, type)
) STRICT, WITHOUT ROWID;
