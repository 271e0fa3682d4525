-- Why: entries of whole texts are large and go anywhere in their index, which made these three the
-- dearest part of storing an event.

-- Of the texts' hashes: so small that the pages of new entries stay in memory, whatever the texts are.
-- An older version that runs beside looks up by the beginnings of texts, slowly, but rightly.
CREATE INDEX events_by_recipient_hash ON events (hashtext(recipient), id)  WHERE recipient  IS NOT NULL;
CREATE INDEX events_by_message_hash   ON events (hashtext(message_id), id) WHERE message_id IS NOT NULL;
CREATE INDEX events_by_event_id_hash  ON events (hashtext(event_id), id)   WHERE event_id   IS NOT NULL;
DROP INDEX events_by_recipient, events_by_message, events_by_event_id;
