-- What the app narrows sources down by, as JSON: `wanted` by the app, and `stated` in requests. Without a row a source is whole.
CREATE TABLE _parameters (
  source INTEGER PRIMARY KEY,
  wanted TEXT NOT NULL,
  stated TEXT NOT NULL
);
