-- A month whose events have all expired goes as a table: its space is free at once.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Months that end at an hour or before, and hold nothing. A month that somebody uses just now is left
-- for another time, so that nobody waits.

CREATE FUNCTION ledger_drop_months(before_hour bigint) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  part text;
  ends timestamp;
  is_empty boolean;
BEGIN
  PERFORM set_config('lock_timeout', '200ms', true);
  FOR part IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'usage_events'::regclass ORDER BY c.relname
  LOOP
    ends := to_date(right(part, 7), 'YYYY_MM') + interval '1 month';
    CONTINUE WHEN extract(epoch FROM ends)::bigint / 3600 > before_hour;
    BEGIN
      EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
      -- The fence holds the owner too, who could not tell an empty month from one of others.
      EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', part);
      EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', part) INTO is_empty;
      IF is_empty THEN
        EXECUTE format('DROP TABLE %I', part);
        RETURN NEXT part;
      ELSE
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
      END IF;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      NULL;
    END;
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION ledger_drop_months FROM PUBLIC;
