-- Files that objects refer to. `state`: 0 it is here and not at the server yet, 1 it is here and at the server, 2 the app wants it,
-- 3 the app wants it and the server has none, 4 the app wants it and there is no room. `bytes`: of what is here. `sent`: how many bytes
-- the server has of one that goes up.
CREATE TABLE _file (
  sha256 TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  state INTEGER NOT NULL,
  sent INTEGER NOT NULL DEFAULT 0,
  used_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX _file_state ON _file (state, used_at);

-- What is here of them. `at`: the place of a part's first byte.
CREATE TABLE _file_part (
  sha256 TEXT NOT NULL,
  at INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (sha256, at)
) WITHOUT ROWID;
