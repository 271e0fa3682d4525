-- Why: a number that was used for something else before takes one thing for another.

-- Grows with every claim of the job and never repeats, while `attempt` begins anew with a replay and
-- does not count what was released: an outcome that comes late is never taken for a newer one's.
ALTER TABLE jobs ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;

-- Numbers in quarantine go on behind those that were pruned.
INSERT INTO counters SELECT 'last_quarantine_id', ifnull(max(id), 0) FROM quarantine;
