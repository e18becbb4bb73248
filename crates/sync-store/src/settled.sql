-- Refused changes that were retried or discarded here, until the server knows it: then nobody looks after them there any more.
CREATE TABLE _settled (
  source INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (source, id)
) WITHOUT ROWID;
