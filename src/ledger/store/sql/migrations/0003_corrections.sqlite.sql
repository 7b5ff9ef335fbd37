-- Corrections: an event is found by its key, and can be voided.

-- When the event of a key happened: it leads to the event. Null for keys that were claimed before.
ALTER TABLE usage_keys ADD COLUMN at INTEGER;

-- A voided event stays as it was said and counts nowhere.
ALTER TABLE usage_events ADD COLUMN voided_at INTEGER;

ALTER TABLE usage_events ADD COLUMN void_reason TEXT;
