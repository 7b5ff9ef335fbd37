-- Workers: who does what at present, from when on raw usage events are all there, and how old the
-- mark of a writer is. And when an hour was last added to: who asks what was known at an instant
-- counts those hours anew that were added to later. Null says that it is not known.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE leases (
  scope_id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  holder text COLLATE "C" NOT NULL,
  taken_at bigint NOT NULL,
  until bigint NOT NULL,
  CONSTRAINT pk_leases PRIMARY KEY (scope_id, name)
);

CREATE TABLE usage_horizon (
  scope_id bigint NOT NULL,
  hour bigint NOT NULL,
  CONSTRAINT pk_usage_horizon PRIMARY KEY (scope_id)
);

ALTER TABLE usage_marks ADD COLUMN at bigint NOT NULL DEFAULT 0;

ALTER TABLE usage_rollups ADD COLUMN added_at bigint;

ALTER TABLE usage_uniques ADD COLUMN added_at bigint;

-- Events that were voided are found by their customer: until then they were known.

CREATE INDEX usage_events_voided ON usage_events (scope_id, customer, voided_at)
  WHERE voided_at IS NOT NULL;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['leases', 'usage_horizon'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY in_scope ON %I'
      ' USING (scope_id = nullif(current_setting(''ledger.scope'', true), '''')::bigint)', name);
  END LOOP;
END $$;

-- Workers ask which tenants there are. Over the fences as `ledger_due` is: it tells names only.

CREATE FUNCTION ledger_scopes(after_tenant text, after_app text, many bigint)
RETURNS TABLE (tenant text, app text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM set_config('ledger.due', 'on', true);
  RETURN QUERY
    SELECT s.tenant, s.app FROM scopes s
    WHERE (s.tenant, s.app) > (after_tenant COLLATE "C", after_app COLLATE "C")
    ORDER BY s.tenant, s.app
    LIMIT many;
  PERFORM set_config('ledger.due', 'off', true);
END $$;

REVOKE ALL ON FUNCTION ledger_scopes FROM PUBLIC;
