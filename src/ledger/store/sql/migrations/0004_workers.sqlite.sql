-- Workers: who does what at present, from when on raw usage events are all there, and how old the
-- mark of a writer is. And when an hour was last added to: who asks what was known at an instant
-- counts those hours anew that were added to later. Null says that it is not known.

CREATE TABLE leases (
  scope_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  holder TEXT NOT NULL,
  taken_at INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (scope_id, name)
) STRICT;

CREATE TABLE usage_horizon (
  scope_id INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  PRIMARY KEY (scope_id)
) STRICT;

ALTER TABLE usage_marks ADD COLUMN at INTEGER NOT NULL DEFAULT 0;

ALTER TABLE usage_rollups ADD COLUMN added_at INTEGER;

ALTER TABLE usage_uniques ADD COLUMN added_at INTEGER;

-- Events that were voided are found by their customer: until then they were known.

CREATE INDEX usage_events_voided ON usage_events (scope_id, customer, voided_at)
  WHERE voided_at IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('usage_events', 'usage_events_voided', '1000000 100000 10 1'),
  ('leases', 'sqlite_autoindex_leases_1', '10000 2 1');

ANALYZE sqlite_schema;
