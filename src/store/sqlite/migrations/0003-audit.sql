-- Why: who had what done here, for those who have to account for it. Rows are only added, and never
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
