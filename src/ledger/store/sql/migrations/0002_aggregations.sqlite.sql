-- Different values and levels over time, which the sums of an hour cannot hold.

-- Which values occurred in an hour: a row for each, with a bit for each quarter.

CREATE TABLE usage_uniques (
  scope_id INTEGER NOT NULL,
  customer TEXT NOT NULL,
  feature TEXT NOT NULL,
  hour INTEGER NOT NULL,
  subscription TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  member BLOB NOT NULL,
  quarters INTEGER NOT NULL,
  PRIMARY KEY (scope_id, customer, feature, hour, subscription, dimensions, member)
) WITHOUT ROWID, STRICT;

-- What the quarters of an hour do to a level. No statement looks into them: they are a document.

CREATE TABLE usage_levels (
  scope_id INTEGER NOT NULL,
  customer TEXT NOT NULL,
  feature TEXT NOT NULL,
  hour INTEGER NOT NULL,
  subscription TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  quarters TEXT NOT NULL,
  PRIMARY KEY (scope_id, customer, feature, hour, subscription, dimensions)
) WITHOUT ROWID, STRICT;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('usage_uniques', 'usage_uniques', '100000000 10000000 10000 2000 100 50 50 1'),
  ('usage_levels', 'usage_levels', '10000000 1000000 10000 2000 4 2 1');

ANALYZE sqlite_schema;
