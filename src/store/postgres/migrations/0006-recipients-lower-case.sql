-- Why: a person is looked for however the address is written; a look-up by equal texts needs one form.

-- Of other letters than ASCII's this version's rows are in lower case too; those before stay, and so
-- do those of an older version that runs beside.
UPDATE events SET recipient = lower(recipient) WHERE recipient <> lower(recipient);
