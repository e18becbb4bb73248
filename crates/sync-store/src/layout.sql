-- The device's session and what else there is one of.
CREATE TABLE _meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- `is_wanted`: the app has named it. `columns`: JSON, the attributes that the view shows. `sum`: the bits of an unsigned number.
CREATE TABLE _source (
  n INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  is_wanted INTEGER NOT NULL,
  spec TEXT NOT NULL,
  cursor TEXT,
  schema TEXT,
  metadata TEXT,
  count INTEGER NOT NULL DEFAULT 0,
  sum INTEGER NOT NULL DEFAULT 0,
  columns TEXT NOT NULL DEFAULT '[]',
  error TEXT,
  counted_at INTEGER NOT NULL DEFAULT 0
);

-- What was done on the device and has no verdict, or a verdict that waits for the app.
-- `state`: 0 never sent, 1 sent, 2 accepted, 3 refused, 4 in part. `wire`: JSON, as it was sent; `sent_at`: the
-- cursor of its source then.
CREATE TABLE _change (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  source INTEGER NOT NULL,
  object TEXT NOT NULL,
  op TEXT NOT NULL,
  "set" TEXT NOT NULL,
  unset TEXT NOT NULL,
  base TEXT,
  state INTEGER NOT NULL DEFAULT 0,
  wire TEXT,
  sent_at TEXT,
  code TEXT,
  reason TEXT,
  current TEXT,
  made_at INTEGER NOT NULL
);
CREATE INDEX _change_object ON _change (source, object, seq);
CREATE INDEX _change_state ON _change (state, seq);

-- Objects that were made on this device: `id` is the app's, `wire` what the server knows it by, which is the back end's id once
-- `is_known`.
CREATE TABLE _alias (
  source INTEGER NOT NULL,
  id TEXT NOT NULL,
  wire TEXT NOT NULL,
  is_known INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX _alias_id ON _alias (id);
CREATE INDEX _alias_wire ON _alias (source, wire);

-- Attributes that were seen to hold ids of another source's objects.
CREATE TABLE _reference (
  source INTEGER NOT NULL,
  attribute TEXT NOT NULL,
  target INTEGER NOT NULL,
  PRIMARY KEY (source, attribute, target)
) WITHOUT ROWID;
