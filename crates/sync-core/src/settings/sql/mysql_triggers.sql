-- Has the database note in {LOG} which rows of {TABLE} change: the key, and when.
-- Run it once, as a user who may make triggers on {TABLE}. Then say in the settings of the source:
--   change_log = "{SETTING}"
-- Triggers hear neither of TRUNCATE nor of what foreign keys delete or change: that is found when everything is asked for.

CREATE TABLE {LOG} AS
  SELECT {KEY} AS row_key, UTC_TIMESTAMP(6) AS changed_at FROM {TABLE} LIMIT 0;
ALTER TABLE {LOG} MODIFY changed_at datetime(6) NOT NULL, ADD PRIMARY KEY (row_key), ADD INDEX (changed_at, row_key);

CREATE TRIGGER {INSERT} AFTER INSERT ON {TABLE} FOR EACH ROW
  INSERT INTO {LOG} (row_key, changed_at) VALUES (NEW.{KEY}, UTC_TIMESTAMP(6))
    ON DUPLICATE KEY UPDATE changed_at = UTC_TIMESTAMP(6);
CREATE TRIGGER {UPDATE} AFTER UPDATE ON {TABLE} FOR EACH ROW
  INSERT INTO {LOG} (row_key, changed_at) VALUES (OLD.{KEY}, UTC_TIMESTAMP(6)), (NEW.{KEY}, UTC_TIMESTAMP(6))
    ON DUPLICATE KEY UPDATE changed_at = UTC_TIMESTAMP(6);
CREATE TRIGGER {DELETE} AFTER DELETE ON {TABLE} FOR EACH ROW
  INSERT INTO {LOG} (row_key, changed_at) VALUES (OLD.{KEY}, UTC_TIMESTAMP(6))
    ON DUPLICATE KEY UPDATE changed_at = UTC_TIMESTAMP(6);

-- The server's user must be able to read the log:
--   GRANT SELECT ON {LOG} TO 'rhosync'@'%';
-- Entries that are older than `full_every` of the source may be deleted at any time:
--   DELETE FROM {LOG} WHERE changed_at < UTC_TIMESTAMP(6) - INTERVAL 2 DAY;
-- This undoes all of it:
--   DROP TRIGGER {INSERT}; DROP TRIGGER {UPDATE}; DROP TRIGGER {DELETE}; DROP TABLE {LOG};
