-- What devices find in an image that is an SQLite file: docs/sync-protocol.md says it.
CREATE TABLE source (name TEXT NOT NULL, metadata TEXT, schema TEXT);
CREATE TABLE object (id TEXT PRIMARY KEY, attributes TEXT NOT NULL) WITHOUT ROWID;
