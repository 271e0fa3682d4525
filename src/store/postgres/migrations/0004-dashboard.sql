-- Why: the dashboard draws how many events came when, and pauses handlers.

-- Since when the handler is paused: none of its jobs is claimed then. NULL: it is not.
ALTER TABLE handlers ADD COLUMN paused_at BIGINT;

-- How many events were stored of what was received in a minute, and in an hour, by type. Counted
-- while unpacking, because counting the events themselves would read them all. `step` is `minute`
-- or `hour`; minutes are kept for two days, hours as long as events.
CREATE TABLE event_series (
  step TEXT COLLATE "C" NOT NULL,
  at   BIGINT NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  n    BIGINT NOT NULL,
  PRIMARY KEY (step, at, type)
) WITH (fillfactor = 70);

-- What is to be added to it, by minute. Rows are only added, for the reason of `counters`; every
-- few seconds they move.
CREATE TABLE event_amounts (
  at   BIGINT NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  n    BIGINT NOT NULL
) WITH (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000
);
