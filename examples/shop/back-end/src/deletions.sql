-- Version 2: what was deleted, and when, for those who ask for changes.

CREATE TABLE deletions (
    resource   TEXT    NOT NULL,
    id         INTEGER NOT NULL,
    deleted_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (resource, id)
) WITHOUT ROWID;

CREATE TRIGGER products_gone AFTER DELETE ON products
BEGIN INSERT INTO deletions (resource, id) VALUES ('products', old.id); END;
CREATE TRIGGER customers_gone AFTER DELETE ON customers
BEGIN INSERT INTO deletions (resource, id) VALUES ('customers', old.id); END;
