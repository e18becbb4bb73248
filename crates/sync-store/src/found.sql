-- Objects that searches at the back end have found and that the copy of their source has not. `attributes`: JSON.
CREATE TABLE _found (
  source INTEGER NOT NULL,
  id TEXT NOT NULL,
  attributes TEXT NOT NULL,
  PRIMARY KEY (source, id)
) WITHOUT ROWID;
