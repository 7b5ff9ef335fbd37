-- Different values and levels over time, which the sums of an hour cannot hold.

-- Which values occurred in an hour: a row for each, with a bit for each quarter.

CREATE TABLE usage_uniques (
  scope_id bigint NOT NULL,
  customer text COLLATE "C" NOT NULL,
  feature text COLLATE "C" NOT NULL,
  hour bigint NOT NULL,
  subscription text COLLATE "C" NOT NULL,
  dimensions text COLLATE "C" NOT NULL,
  member bytea NOT NULL,
  quarters bigint NOT NULL,
  CONSTRAINT pk_usage_uniques
    PRIMARY KEY (scope_id, customer, feature, hour, subscription, dimensions, member)
);

SELECT ledger_fence('usage_uniques');

-- What the quarters of an hour do to a level. No statement looks into them: they are a document.

CREATE TABLE usage_levels (
  scope_id bigint NOT NULL,
  customer text COLLATE "C" NOT NULL,
  feature text COLLATE "C" NOT NULL,
  hour bigint NOT NULL,
  subscription text COLLATE "C" NOT NULL,
  dimensions text COLLATE "C" NOT NULL,
  quarters text COLLATE "C" NOT NULL,
  CONSTRAINT pk_usage_levels
    PRIMARY KEY (scope_id, customer, feature, hour, subscription, dimensions)
);

SELECT ledger_fence('usage_levels');
