-- Has the database note in {LOG} which rows of {TABLE} change: the key, and when.
-- Run it once, as the owner of {TABLE}. Then say in the settings of the source:
--   change_log = "{SETTING}"
BEGIN;

CREATE TABLE {LOG} (row_key, changed_at) AS
  SELECT {KEY}, clock_timestamp() FROM {TABLE} WITH NO DATA;
ALTER TABLE {LOG} ADD PRIMARY KEY (row_key), ALTER changed_at SET NOT NULL;
CREATE INDEX ON {LOG} (changed_at, row_key);

-- Whoever may change a row need not have rights on the log.
CREATE FUNCTION {NOTE}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $note$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO {LOG} SELECT {KEY}, clock_timestamp() FROM {TABLE}
      ON CONFLICT (row_key) DO UPDATE SET changed_at = excluded.changed_at;
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO {LOG} VALUES (OLD.{KEY}, clock_timestamp())
      ON CONFLICT (row_key) DO UPDATE SET changed_at = excluded.changed_at;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF NEW.{KEY} = OLD.{KEY} THEN
      RETURN NULL;
    END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO {LOG} VALUES (NEW.{KEY}, clock_timestamp())
      ON CONFLICT (row_key) DO UPDATE SET changed_at = excluded.changed_at;
  END IF;
  RETURN NULL;
END $note$;

CREATE TRIGGER rhosync_note AFTER INSERT OR UPDATE OR DELETE ON {TABLE}
  FOR EACH ROW EXECUTE FUNCTION {NOTE}();
CREATE TRIGGER rhosync_note_all BEFORE TRUNCATE ON {TABLE}
  FOR EACH STATEMENT EXECUTE FUNCTION {NOTE}();

COMMIT;

-- The server's user must be able to read the log:
--   GRANT SELECT ON {LOG} TO rhosync;
-- Entries that are older than `full_every` of the source may be deleted at any time:
--   DELETE FROM {LOG} WHERE changed_at < now() - interval '2 days';
-- This undoes all of it:
--   DROP FUNCTION {NOTE}() CASCADE; DROP TABLE {LOG};
