-- A row for each transaction that commits, until its client has heard so: who lost the answer looks
-- here. The number of a transaction would not do, because a server that crashed gives it out again.

CREATE TABLE commits (
  token bytea NOT NULL,
  at bigint NOT NULL DEFAULT extract(epoch FROM now()),
  CONSTRAINT pk_commits PRIMARY KEY (token)
);
