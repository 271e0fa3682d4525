-- Why: a number that was used for something else before takes one thing for another.

-- Grows with every claim of the job and never repeats, while `attempt` begins anew with a replay and
-- does not count what was released: an outcome that comes late is never taken for a newer one's.
-- An older version that runs beside leaves it as it is; so outcomes name both numbers.
ALTER TABLE jobs ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;

-- Jobs of one chunk are due at the same moment: among them, those of earlier events come first.
CREATE INDEX jobs_due_in_order ON jobs (handler, due_at, event_id) WHERE state = 'pending';
DROP INDEX jobs_due;
