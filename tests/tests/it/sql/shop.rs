//! A shop that is nothing but a database.

use std::collections::BTreeMap;

use test_support::{DatabaseKind, Device, Options, TestAuthority, TestDatabase, until_or};

/// Products at the beginning.
pub(super) const PRODUCTS: usize = 30;

const SETTINGS: &str = r#"
[sources.Stock]
adapter = "sql"
partition = "app"
poll_interval = 0
push_wait_ms = 20000
[sources.Stock.sql]
url = { variable = "database_url" }
table = "products"
changed_at = "updated_at"
deleted_if = "is_gone"
idempotency_key = "operation"
unless_changed = true
omit = ["operation", "is_gone", "updated_at"]
page_size = 7

[sources.Logged]
adapter = "sql"
partition = "app"
poll_interval = 0
push_wait_ms = 20000
[sources.Logged.sql]
url = { variable = "database_url" }
table = "products"
change_log = "products_changes"
idempotency_key = "operation"
omit = ["operation", "is_gone", "updated_at"]
page_size = 7

[sources.Whole]
adapter = "sql"
partition = "app"
poll_interval = 0
push_wait_ms = 20000
[sources.Whole.sql]
url = { variable = "database_url" }
table = "products"
deleted_if = "is_gone"
omit = ["operation", "is_gone", "updated_at"]
page_size = 7

[sources.Slow]
adapter = "sql"
partition = "app"
poll_interval = 0
[sources.Slow.sql]
url = { variable = "database_url" }
table = "slow"
page_size = 7

[sources.Keyless]
adapter = "sql"
partition = "app"
poll_interval = 0
[sources.Keyless.sql]
url = { variable = "database_url" }
table = "keyless"
page_size = 7

[sources.Twice]
adapter = "sql"
partition = "app"
poll_interval = 0
[sources.Twice.sql]
url = { variable = "database_url" }
table = "twice"
page_size = 7

[sources.Many]
adapter = "sql"
partition = "app"
poll_interval = 3600
[sources.Many.sql]
url = { variable = "database_url" }
table = "many"
"#;

const POSTGRES_SETTINGS: &str = r#"
[sources.Asked]
adapter = "sql"
partition = "app"
poll_interval = 0
push_wait_ms = 20000
[sources.Asked.sql]
url = { variable = "database_url" }
query = "SELECT id, name, price, stock FROM products WHERE NOT is_gone AND price >= 0 -- all of them"
page_size = 7
create = "INSERT INTO products (name, price, stock) VALUES (:object.name, :object.price::numeric, :object.stock::int) RETURNING id::text"
update = "UPDATE products SET price = coalesce(:object.price::numeric, price) WHERE id = :id::int"
delete = "DELETE FROM products WHERE id = :id::int;"

[sources.Mine]
adapter = "sql"
poll_interval = 0
push_wait_ms = 20000
[sources.Mine.sql]
url = { variable = "database_url" }
query = "SELECT id, name FROM notes WHERE owner = :user"
search = "SELECT id, name FROM notes WHERE owner = :user AND name = :parameters.name"
create = "INSERT INTO notes (name, owner) VALUES (:object.name, :user) RETURNING id::text"
update = "UPDATE notes SET name = :object.name WHERE id = :id::int AND owner = :user"
"#;

const MARIADB_SETTINGS: &str = r#"
[sources.Asked]
adapter = "sql"
partition = "app"
poll_interval = 0
push_wait_ms = 20000
[sources.Asked.sql]
url = { variable = "database_url" }
query = "SELECT id, name, price, stock FROM products WHERE NOT is_gone AND price >= 0 -- all of them"
attributes = ["name", "price", "stock"]
page_size = 7
create = "INSERT INTO products (name, price, stock) VALUES (:object.name, :object.price, :object.stock)"
update = "UPDATE products SET price = coalesce(:object.price, price) WHERE id = :id"
delete = "DELETE FROM products WHERE id = :id;"

[sources.Mine]
adapter = "sql"
poll_interval = 0
push_wait_ms = 20000
[sources.Mine.sql]
url = { variable = "database_url" }
query = "SELECT id, name FROM notes WHERE owner = :user"
attributes = ["name"]
search = "SELECT id, name FROM notes WHERE owner = :user AND name = :parameters.name"
create = "INSERT INTO notes (name, owner) VALUES (:object.name, :user)"
update = "UPDATE notes SET name = :object.name WHERE id = :id AND owner = :user"
"#;

const POSTGRES: &str = "
CREATE TABLE products (
  id serial PRIMARY KEY, name text NOT NULL, price numeric(10,2) CHECK (price >= 0), stock integer,
  is_gone boolean NOT NULL DEFAULT false, operation text UNIQUE, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at = clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO products (name, price, stock) SELECT 'product ' || n, n + 0.25, n FROM generate_series(1, 30) AS n;
CREATE VIEW slow AS SELECT id, name, pg_sleep(0.02)::text AS nap FROM products;
CREATE TABLE keyless AS SELECT id, name FROM products;
CREATE VIEW twice AS SELECT id, name FROM products UNION ALL SELECT id, name FROM products;
CREATE TABLE notes (id serial PRIMARY KEY, name text, owner text);
CREATE TABLE many (id integer PRIMARY KEY, name text);
";

const MARIADB: &str = "
CREATE TABLE products (
  id int AUTO_INCREMENT PRIMARY KEY, name varchar(200) NOT NULL, price decimal(10,2) CHECK (price >= 0), stock int,
  is_gone boolean NOT NULL DEFAULT false, operation varchar(100) UNIQUE,
  updated_at datetime(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6)
);
INSERT INTO products (name, price, stock) SELECT concat('product ', seq), seq + 0.25, seq FROM seq_1_to_30;
CREATE VIEW slow AS SELECT id, name, sleep(0.02) AS nap FROM products;
CREATE TABLE keyless AS SELECT id, name FROM products;
ALTER TABLE keyless MODIFY id int NULL;
CREATE VIEW twice AS SELECT id, name FROM products UNION ALL SELECT id, name FROM products;
CREATE TABLE notes (id int AUTO_INCREMENT PRIMARY KEY, name text, owner varchar(100));
CREATE TABLE many (id integer PRIMARY KEY, name longtext);
";

/// The database of the products.
pub(super) struct Shop {
    pub(super) database: TestDatabase,
}

/// Rows of one value each.
pub(super) fn lines<const N: usize>(values: [&str; N]) -> Vec<Vec<String>> {
    values.map(|value| vec![value.to_owned()]).into()
}

impl Shop {
    pub(super) fn start(kind: DatabaseKind) -> Self {
        Self::start_on(TestDatabase::start(kind))
    }

    /// One whose database speaks TLS, with a certificate for a name.
    pub(super) fn start_with_tls(
        kind: DatabaseKind,
        authority: &TestAuthority,
        name: &str,
    ) -> Self {
        Self::start_on(TestDatabase::start_with_tls(kind, authority, name))
    }

    fn start_on(database: TestDatabase) -> Self {
        database.run(match database.kind() {
            DatabaseKind::Postgres => POSTGRES,
            DatabaseKind::MariaDb => MARIADB,
        });
        Self { database }
    }

    /// A deployment with the sources of this shop.
    pub(super) fn options(&self) -> Options {
        let settings = match self.database.kind() {
            DatabaseKind::Postgres => POSTGRES_SETTINGS,
            DatabaseKind::MariaDb => MARIADB_SETTINGS,
        };
        Options {
            products: 1,
            // Options are of the tests' own text. A few kilobytes stay until the process ends.
            settings: format!("{SETTINGS}{settings}").leak(),
            ..Options::default()
        }
    }

    pub(super) fn run(&self, statements: &str) {
        self.database.run(statements);
    }

    /// Removes a product as its source finds it.
    pub(super) fn remove(&self, source: &str, id: &str) {
        self.run(&match source {
            "Stock" => format!("UPDATE products SET is_gone = true WHERE id = {id}"),
            _ => format!("DELETE FROM products WHERE id = {id}"),
        });
    }

    /// Makes a product that bears a time before now.
    pub(super) fn insert_at(&self, name: &str, earlier: &str) {
        self.run(&format!(
            "INSERT INTO products (name, price, updated_at) VALUES ('{name}', 1, (SELECT max(updated_at) FROM products AS p) - {earlier})"
        ));
    }

    pub(super) fn insert_many(&self, count: u32) {
        self.run(&match self.database.kind() {
            DatabaseKind::Postgres => format!(
                "INSERT INTO many SELECT n, 'row ' || n FROM generate_series(1, {count}) AS n"
            ),
            DatabaseKind::MariaDb => {
                format!("INSERT INTO many SELECT seq, concat('row ', seq) FROM seq_1_to_{count}")
            }
        });
    }

    /// Whether somebody asks for the rows of a table right now.
    pub(super) fn is_asked(&self, table: &str) -> bool {
        let query = match self.database.kind() {
            DatabaseKind::Postgres => format!(
                "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%FROM \"{table}\"%' AND pid <> pg_backend_pid()"
            ),
            DatabaseKind::MariaDb => format!(
                "SELECT 1 FROM information_schema.processlist WHERE info LIKE '%FROM `{table}`%' AND id <> connection_id()"
            ),
        };
        !self.database.rows(&query).is_empty()
    }

    /// Syncs a device until it has what the database has, and nothing it did is waiting.
    pub(super) fn converge(&self, device: &mut Device, source: &str) {
        until_or("the device to have what the database has", || {
            let report = device.sync(source).map_err(|error| error.to_string())?;
            assert_eq!(report.applied.rejections, [], "nothing was refused");
            let rows = self.database.rows(
                "SELECT id, name, price, coalesce(stock, -1) FROM products WHERE NOT is_gone",
            );
            let truth: BTreeMap<String, (String, f64, String)> = rows
                .into_iter()
                .map(|row| {
                    let price = row[2].parse().expect("a number");
                    (row[0].clone(), (row[1].clone(), price, row[3].clone()))
                })
                .collect();
            let seen = device.objects(source).into_iter().map(|(id, object)| {
                let price = object["price"].parse().expect("a number");
                let stock = object.get("stock").filter(|stock| !stock.is_empty());
                let stock = stock.map_or("-1", String::as_str);
                (id, (object["name"].clone(), price, stock.to_owned()))
            });
            let seen: BTreeMap<_, _> = seen.collect();
            if device.is_waiting(source) {
                Err("changes wait".to_owned())
            } else if truth != seen {
                Err(format!("the database has {truth:?}, the device {seen:?}"))
            } else {
                Ok(())
            }
        });
    }
}
