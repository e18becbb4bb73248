-- The store's database, version 1 (`PRAGMA user_version`); `deletions.sql` makes it version 2.
--
-- `price` is NUMERIC, not REAL, so that 20 comes back as 20 and not as 20.0: clients that compare what they
-- sent with what they get would see a change where there is none.

CREATE TABLE products (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL,
    brand      TEXT    NOT NULL DEFAULT '',
    price      NUMERIC NOT NULL DEFAULT 0,
    sku        TEXT    NOT NULL DEFAULT '',
    quantity   INTEGER NOT NULL DEFAULT 0,
    updated_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE customers (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL,
    email      TEXT    NOT NULL DEFAULT '',
    phone      TEXT    NOT NULL DEFAULT '',
    street     TEXT    NOT NULL DEFAULT '',
    city       TEXT    NOT NULL DEFAULT '',
    country    TEXT    NOT NULL DEFAULT '',
    updated_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

-- What a table's ETag is made of. Triggers count, so that an edit with the `sqlite3` shell counts too; `epoch`
-- is random, so that the tags of one database never match those of another.
CREATE TABLE revisions (
    resource TEXT PRIMARY KEY,
    epoch    TEXT    NOT NULL DEFAULT (lower(hex(randomblob(6)))),
    revision INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO revisions (resource) VALUES ('products'), ('customers');

CREATE TRIGGER products_inserted AFTER INSERT ON products
BEGIN UPDATE revisions SET revision = revision + 1 WHERE resource = 'products'; END;
CREATE TRIGGER products_updated AFTER UPDATE ON products
BEGIN UPDATE revisions SET revision = revision + 1 WHERE resource = 'products'; END;
CREATE TRIGGER products_deleted AFTER DELETE ON products
BEGIN UPDATE revisions SET revision = revision + 1 WHERE resource = 'products'; END;
CREATE TRIGGER customers_inserted AFTER INSERT ON customers
BEGIN UPDATE revisions SET revision = revision + 1 WHERE resource = 'customers'; END;
CREATE TRIGGER customers_updated AFTER UPDATE ON customers
BEGIN UPDATE revisions SET revision = revision + 1 WHERE resource = 'customers'; END;
CREATE TRIGGER customers_deleted AFTER DELETE ON customers
BEGIN UPDATE revisions SET revision = revision + 1 WHERE resource = 'customers'; END;

-- Outcomes of writes that came with an `Idempotency-Key`, written in the transaction of the write itself.
CREATE TABLE outcomes (
    key        TEXT    NOT NULL,
    method     TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    status     INTEGER NOT NULL,
    location   TEXT,
    body       TEXT,
    created_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (key, method, path)
) WITHOUT ROWID;
