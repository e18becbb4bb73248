-- The image that a source begins with, until the source has it. The source is not asked for as long.
CREATE TABLE _image (
  source INTEGER PRIMARY KEY,
  url TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  cursor TEXT NOT NULL
);

-- What has come of it. `at`: the place of a part's first byte.
CREATE TABLE _image_part (
  source INTEGER NOT NULL,
  at INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (source, at)
) WITHOUT ROWID;
