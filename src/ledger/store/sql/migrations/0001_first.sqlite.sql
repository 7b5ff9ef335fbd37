-- The first schema. Every key starts with the scope, and what is unique is unique inside it
-- (decision 0004). Models are documents beside the columns that queries need (0005); instants are
-- microseconds, quantities a whole part and billionths (0006).

-- Which integer stands for a tenant and app, and what made this schema: the two tables outside a scope.

CREATE TABLE scopes (
  id INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  app TEXT NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT scope_names UNIQUE (tenant, app)
) STRICT;

CREATE TABLE schema_migrations (
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at INTEGER NOT NULL,
  PRIMARY KEY (version)
) STRICT;

-- What is sold.

CREATE TABLE features (
  scope_id INTEGER NOT NULL,
  id TEXT NOT NULL,
  "key" TEXT NOT NULL,
  status TEXT NOT NULL,
  event TEXT,
  document TEXT NOT NULL,
  PRIMARY KEY (scope_id, id),
  CONSTRAINT feature_key UNIQUE (scope_id, "key")
) STRICT;

CREATE INDEX features_by_event ON features (scope_id, event);

CREATE TABLE plan_keys (
  scope_id INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  "plan" TEXT NOT NULL,
  PRIMARY KEY (scope_id, "key"),
  CONSTRAINT plan_of_key UNIQUE (scope_id, "key", "plan")
) STRICT;

CREATE TABLE plans (
  scope_id INTEGER NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  status TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (scope_id, id, version),
  CONSTRAINT plan_key_version UNIQUE (scope_id, "key", version),
  FOREIGN KEY (scope_id, "key", id)
    REFERENCES plan_keys (scope_id, "key", "plan")
    DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE UNIQUE INDEX one_active_version ON plans (scope_id, id) WHERE status = 'active';

-- To whom.

CREATE TABLE customers (
  scope_id INTEGER NOT NULL,
  id TEXT NOT NULL,
  external_id TEXT,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (scope_id, id),
  CONSTRAINT customer_external_id UNIQUE (scope_id, external_id)
) STRICT;

CREATE TABLE subscriptions (
  scope_id INTEGER NOT NULL,
  id TEXT NOT NULL,
  customer TEXT NOT NULL,
  "plan" TEXT NOT NULL,
  plan_version INTEGER NOT NULL,
  starts_at INTEGER NOT NULL,
  trial_ends_at INTEGER,
  ends_at INTEGER,
  version INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (scope_id, id),
  FOREIGN KEY (scope_id, customer)
    REFERENCES customers (scope_id, id)
    DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (scope_id, "plan", plan_version)
    REFERENCES plans (scope_id, id, version)
    DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE INDEX subscriptions_by_customer ON subscriptions (scope_id, customer, id);

-- What was used. These tables grow fast: keys are short, and new rows go to the end where they can.

CREATE TABLE usage_events (
  scope_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  id BLOB NOT NULL,
  "key" TEXT,
  event TEXT NOT NULL,
  customer TEXT NOT NULL,
  whole INTEGER NOT NULL,
  billionths INTEGER NOT NULL,
  time INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  properties TEXT,
  subscription TEXT,
  received_at INTEGER NOT NULL,
  unmatched TEXT,
  PRIMARY KEY (scope_id, position)
) WITHOUT ROWID, STRICT;

CREATE INDEX usage_events_by_hour ON usage_events (scope_id, hour, customer, time);

CREATE TABLE usage_keys (
  scope_id INTEGER NOT NULL,
  digest BLOB NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (scope_id, digest)
) WITHOUT ROWID, STRICT;

CREATE TABLE usage_rollups (
  scope_id INTEGER NOT NULL,
  customer TEXT NOT NULL,
  feature TEXT NOT NULL,
  hour INTEGER NOT NULL,
  subscription TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  q0_count INTEGER NOT NULL,
  q0_whole INTEGER NOT NULL,
  q0_billionths INTEGER NOT NULL,
  q0_at INTEGER,
  q1_count INTEGER NOT NULL,
  q1_whole INTEGER NOT NULL,
  q1_billionths INTEGER NOT NULL,
  q1_at INTEGER,
  q2_count INTEGER NOT NULL,
  q2_whole INTEGER NOT NULL,
  q2_billionths INTEGER NOT NULL,
  q2_at INTEGER,
  q3_count INTEGER NOT NULL,
  q3_whole INTEGER NOT NULL,
  q3_billionths INTEGER NOT NULL,
  q3_at INTEGER,
  PRIMARY KEY (scope_id, customer, feature, hour, subscription, dimensions)
) WITHOUT ROWID, STRICT;

CREATE TABLE usage_unmatched (
  scope_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  id BLOB NOT NULL,
  reason TEXT NOT NULL,
  customer TEXT NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY (scope_id, position),
  CONSTRAINT usage_unmatched_id UNIQUE (scope_id, id)
) WITHOUT ROWID, STRICT;

CREATE INDEX usage_unmatched_by_customer ON usage_unmatched (scope_id, reason, customer);

CREATE INDEX usage_unmatched_by_event ON usage_unmatched (scope_id, reason, event);

CREATE TABLE usage_rejected (
  scope_id INTEGER NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (scope_id, id)
) STRICT;

CREATE INDEX usage_rejected_by_date ON usage_rejected (scope_id, at, id);

CREATE TABLE usage_marks (
  scope_id INTEGER NOT NULL,
  writer TEXT NOT NULL,
  batch INTEGER NOT NULL,
  PRIMARY KEY (scope_id, writer)
) WITHOUT ROWID, STRICT;

-- What is owed. An invoice that has a number is frozen: only where it stands changes.

CREATE TABLE invoices (
  scope_id INTEGER NOT NULL,
  id TEXT NOT NULL,
  customer TEXT NOT NULL,
  subscription TEXT NOT NULL,
  boundary INTEGER NOT NULL,
  number TEXT,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  document TEXT NOT NULL,
  standing TEXT NOT NULL,
  PRIMARY KEY (scope_id, id),
  CONSTRAINT invoice_number UNIQUE (scope_id, number),
  FOREIGN KEY (scope_id, customer)
    REFERENCES customers (scope_id, id)
    DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (scope_id, subscription)
    REFERENCES subscriptions (scope_id, id)
    DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE INDEX invoices_by_customer ON invoices (scope_id, customer, id);

CREATE INDEX invoices_by_subscription ON invoices (scope_id, subscription, id);

CREATE TRIGGER finalized_invoice_changes
BEFORE UPDATE ON invoices
WHEN OLD.number IS NOT NULL AND (
  NEW.scope_id IS NOT OLD.scope_id OR NEW.id IS NOT OLD.id OR NEW.number IS NOT OLD.number
  OR NEW.document IS NOT OLD.document
)
BEGIN
  SELECT RAISE(ABORT, 'a finalized invoice never changes');
END;

CREATE TRIGGER finalized_invoice_goes
BEFORE DELETE ON invoices
WHEN OLD.number IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a finalized invoice stays');
END;

CREATE TABLE invoice_boundaries (
  scope_id INTEGER NOT NULL,
  subscription TEXT NOT NULL,
  boundary INTEGER NOT NULL,
  kind TEXT NOT NULL,
  invoice TEXT,
  PRIMARY KEY (scope_id, subscription, boundary, kind),
  FOREIGN KEY (scope_id, subscription)
    REFERENCES subscriptions (scope_id, id)
    DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (scope_id, invoice)
    REFERENCES invoices (scope_id, id)
    DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE billed_steps (
  scope_id INTEGER NOT NULL,
  subscription TEXT NOT NULL,
  price TEXT NOT NULL,
  period_start INTEGER NOT NULL,
  step INTEGER NOT NULL,
  whole INTEGER NOT NULL,
  billionths INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  invoice TEXT NOT NULL,
  usage_as_of INTEGER NOT NULL,
  PRIMARY KEY (scope_id, subscription, price, period_start, step),
  FOREIGN KEY (scope_id, subscription)
    REFERENCES subscriptions (scope_id, id)
    DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (scope_id, invoice)
    REFERENCES invoices (scope_id, id)
    DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE number_series (
  scope_id INTEGER NOT NULL,
  series TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (scope_id, series)
) STRICT;

-- What is to be done, and what happened.

CREATE TABLE due (
  scope_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (scope_id, kind, id)
) STRICT;

CREATE INDEX due_anywhere ON due (kind, at);

CREATE INDEX due_by_date ON due (scope_id, kind, at);

CREATE TABLE event_log (
  scope_id INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  entity_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  payload TEXT NOT NULL,
  PRIMARY KEY (scope_id, sequence)
) STRICT;

-- What the planner is to think of sizes. Left alone it takes a scope for some ten rows, and reads all
-- of a tenant where an index on more columns was made for the question. The numbers are those of a
-- busy database: rows in all, in a scope, and so on for each further column of the index.

ANALYZE sqlite_schema;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('features', 'sqlite_autoindex_features_1', '10000 100 1'),
  ('features', 'sqlite_autoindex_features_2', '10000 100 1'),
  ('features', 'features_by_event', '10000 100 2'),
  ('plan_keys', 'sqlite_autoindex_plan_keys_1', '10000 100 1'),
  ('plan_keys', 'sqlite_autoindex_plan_keys_2', '10000 100 1 1'),
  ('plans', 'sqlite_autoindex_plans_1', '50000 500 5 1'),
  ('plans', 'sqlite_autoindex_plans_2', '50000 500 5 1'),
  ('plans', 'one_active_version', '10000 100 1'),
  ('customers', 'sqlite_autoindex_customers_1', '10000000 1000000 1'),
  ('customers', 'sqlite_autoindex_customers_2', '10000000 1000000 1'),
  ('subscriptions', 'sqlite_autoindex_subscriptions_1', '10000000 1000000 1'),
  ('subscriptions', 'subscriptions_by_customer', '10000000 1000000 2 1'),
  ('usage_events', 'usage_events', '100000000 10000000 1'),
  ('usage_events', 'usage_events_by_hour', '100000000 10000000 1000 10 1'),
  ('usage_keys', 'usage_keys', '100000000 10000000 1'),
  ('usage_rollups', 'usage_rollups', '100000000 10000000 10000 2000 4 2 1'),
  ('usage_unmatched', 'usage_unmatched', '10000000 1000000 1'),
  ('usage_unmatched', 'sqlite_autoindex_usage_unmatched_2', '10000000 1000000 1'),
  ('usage_unmatched', 'usage_unmatched_by_customer', '10000000 1000000 500000 10'),
  ('usage_unmatched', 'usage_unmatched_by_event', '10000000 1000000 500000 1000'),
  ('usage_rejected', 'sqlite_autoindex_usage_rejected_1', '1000000 100000 1'),
  ('usage_rejected', 'usage_rejected_by_date', '1000000 100000 2 1'),
  ('usage_marks', 'usage_marks', '1000 100 1'),
  ('invoices', 'sqlite_autoindex_invoices_1', '10000000 1000000 1'),
  ('invoices', 'sqlite_autoindex_invoices_2', '10000000 1000000 1'),
  ('invoices', 'invoices_by_customer', '10000000 1000000 12 1'),
  ('invoices', 'invoices_by_subscription', '10000000 1000000 12 1'),
  ('invoice_boundaries', 'sqlite_autoindex_invoice_boundaries_1', '10000000 1000000 12 1 1'),
  ('billed_steps', 'sqlite_autoindex_billed_steps_1', '10000000 1000000 50 12 1 1'),
  ('due', 'sqlite_autoindex_due_1', '1000000 100000 50000 1'),
  ('due', 'due_by_date', '1000000 100000 50000 1'),
  ('due', 'due_anywhere', '1000000 500000 10'),
  ('event_log', 'sqlite_autoindex_event_log_1', '10000000 1000000 1'),
  ('number_series', 'sqlite_autoindex_number_series_1', '1000 2 1');

ANALYZE sqlite_schema;
