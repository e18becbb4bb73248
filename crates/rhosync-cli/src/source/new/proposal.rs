//! Settings as text, with comments that say what they mean.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::columns::Column;

/// What is written for a new source.
#[derive(Debug)]
pub(super) struct Proposal {
    /// Its settings.
    pub(super) settings: String,
    /// A body as the back end may answer it, for the test.
    pub(super) example: Option<String>,
    /// The variables that the settings name.
    pub(super) variables: Vec<String>,
    /// What is left to do.
    pub(super) next: Vec<String>,
}

/// A declared HTTP interface; what is `None` or empty is shown as a comment.
#[derive(Debug, Clone, Default)]
pub(super) struct RestProposal {
    pub(super) url: String,
    /// The value of `authorization`, and the variables in it.
    pub(super) authorization: Option<(String, Vec<String>)>,
    /// Path to the records.
    pub(super) records: Option<String>,
    pub(super) id: Option<String>,
    /// Types that are no texts, by name.
    pub(super) types: Vec<(String, &'static str)>,
    /// The value of `paging`.
    pub(super) paging: Option<String>,
    pub(super) has_patch: bool,
    /// Calls that are not the usual ones, as settings.
    pub(super) calls: Vec<String>,
    /// Comments above the table.
    pub(super) notes: Vec<String>,
    /// A record.
    pub(super) example: Map<String, Value>,
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

pub(super) fn key(name: &str) -> String {
    toml_edit::Key::new(name).to_string()
}

/// A name as variables have it.
fn variable(source: &str, what: &str) -> String {
    let source: String = source
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    format!("{source}_{what}")
}

/// The table that every source has.
fn head(name: &str, adapter: &str) -> String {
    let poll = match adapter {
        "push-only" => "",
        _ => {
            "# Seconds between two queries of the back end; 0: at every sync.\npoll_interval = 60\n"
        }
    };
    format!(
        "[sources.{}]\nadapter = {}\n# \"app\": everybody shares one copy; \"user\": one per user.\npartition = \"app\"\n{poll}",
        key(name),
        quoted(adapter),
    )
}

fn next_steps(name: &str, url: &str) -> Vec<String> {
    let host = url.split('/').take(3).collect::<Vec<_>>().join("/");
    vec![
        format!("`rhosync source check {name}` asks the back end itself"),
        format!("`rhosync source record {name}` makes its answer the test"),
        format!(
            "the server may call {host} if spin.toml has it among `allowed_outbound_hosts` of sync-handler and adapter-jobs"
        ),
    ]
}

impl RestProposal {
    /// What can be said of any interface.
    pub(super) fn skeleton(name: &str, url: Option<&str>) -> Self {
        let example = json!({"id": 1, "name": "First"});
        Self {
            url: url.unwrap_or("https://back-end.example.com/records").to_owned(),
            notes: vec![format!("{name}: `GET` has to answer with a list of records; `POST` creates one; `PUT` and `DELETE`"), "with the id behind the address change and remove it. docs/adapters.md has every key.".to_owned()],
            example: example.as_object().cloned().unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The settings of a source.
    pub(super) fn proposal(&self, name: &str) -> Proposal {
        let mut text = String::new();
        for note in &self.notes {
            let _ = writeln!(text, "# {note}");
        }
        let _ = write!(
            text,
            "{}\n[sources.{}.rest]\nurl = {}\n",
            head(name, "rest"),
            key(name),
            quoted(&self.url)
        );
        let token = variable(name, "token");
        let bearer = format!("{{ bearer = {{ variable = {} }} }}", quoted(&token));
        let mut line = |about: &str, name: &str, value: Option<&str>, example: &str| {
            let _ = writeln!(text, "# {about}");
            let _ = match value {
                Some(value) => writeln!(text, "{name} = {value}"),
                None => writeln!(text, "# {name} = {example}"),
            };
        };
        let authorization = self.authorization.as_ref().map(|(value, _)| value.as_str());
        line(
            "How the server proves who it is.",
            "authorization",
            authorization,
            &bearer,
        );
        let records = self.records.as_deref().map(quoted);
        line(
            "Where the records are; without it, the answer itself is the list.",
            "records",
            records.as_deref(),
            "\"$.data\"",
        );
        let id = quoted(self.id.as_deref().unwrap_or("id"));
        line("The value that is a record's id.", "id", Some(&id), "");
        line(
            "Attributes that devices get, and where they are in a record; all of them, without it.",
            "attributes",
            None,
            "{ name = \"$.title\" }",
        );
        let types: Vec<_> = self
            .types
            .iter()
            .map(|(name, kind)| format!("{} = {}", key(name), quoted(kind)))
            .collect();
        let types = Some(format!("{{ {} }}", types.join(", "))).filter(|_| !self.types.is_empty());
        line(
            "What is no text in the back end.",
            "types",
            types.as_deref(),
            "{ price = \"number\" }",
        );
        line(
            "How a long answer is read page by page.",
            "paging",
            self.paging.as_deref(),
            "{ parameter = \"page\", size_parameter = \"per_page\", size = 100 }",
        );
        let patch = Some("\"PATCH\"").filter(|_| self.has_patch);
        line(
            "How a record is changed; by PUT, without it.",
            "update_method",
            patch,
            "\"PATCH\"",
        );
        for call in &self.calls {
            let _ = writeln!(text, "{call}");
        }
        let variables = self
            .authorization
            .iter()
            .flat_map(|(_, names)| names.clone());
        let variables: Vec<_> = variables.collect();
        let mut next = next_steps(name, &self.url);
        for name in &variables {
            next.insert(
                0,
                format!(
                    "the variable {name} goes into spin.toml; here, SPIN_VARIABLE_{} has its value",
                    name.to_ascii_uppercase()
                ),
            );
        }
        Proposal {
            settings: text,
            example: Some(self.answer().to_string()),
            variables,
            next,
        }
    }

    /// An answer with the example.
    fn answer(&self) -> Value {
        let list = json!([self.example]);
        let steps = self.records.as_deref().unwrap_or("$");
        let steps = steps
            .trim_start_matches('$')
            .split('.')
            .filter(|step| !step.is_empty());
        steps.rev().fold(list, |inner, step| json!({ step: inner }))
    }
}

/// A SOAP interface of which nothing is known.
pub(super) fn soap_skeleton(name: &str, url: Option<&str>) -> Proposal {
    let url = url.unwrap_or("https://back-end.example.com/service");
    let (table, quoted_url) = (key(name), quoted(url));
    let user = variable(name, "password");
    let settings = format!(
        r#"# {name}: calls and answers are envelopes. docs/adapters.md has every key.
{head}
[sources.{table}.soap]
url = {quoted_url}
# version = "1.2"
# username_token = {{ username = "rhosync", password = {{ variable = "{user}" }} }}
# Where the records are, from the envelope's body on.
records = "$.ListResponse.Record"
# The element that is a record's id.
id = "Id"
# attributes = {{ name = "$.Name" }}
# Where the id of a new record is.
# created_id = "$.CreateResponse.Id"

[sources.{table}.soap.list]
action = "urn:example:List"
body = '<e:List xmlns:e="urn:example"/>'

# [sources.{table}.soap.create]
# action = "urn:example:Create"
# body = '<e:Create xmlns:e="urn:example"><e:Name>{{{{ object.name }}}}</e:Name></e:Create>'
"#,
        head = head(name, "soap"),
    );
    Proposal {
        settings,
        example: Some(envelope(
            "<ListResponse><Record><Id>1</Id><Name>First</Name></Record></ListResponse>",
        )),
        variables: Vec::new(),
        next: next_steps(name, url),
    }
}

/// An answer with this in its body.
pub(super) fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>\n"
    )
}

/// Where the rows of a database come from.
pub(super) enum Rows<'a> {
    /// A table, and its columns where the database was asked.
    Table(&'a str, &'a [Column]),
    Query(&'a str),
}

/// The variable with the address of a source's database.
pub(super) fn database_variable(name: &str) -> String {
    variable(name, "database")
}

/// A database.
pub(super) fn sql(name: &str, rows: Rows<'_>) -> Proposal {
    let address = database_variable(name);
    let rows = match rows {
        Rows::Query(query) => format!(
            "query = {}\n# For MySQL, the columns: attributes = [\"name\"]\n# What devices change, by statements.\n# create = \"INSERT INTO … (name) VALUES (:object.name) RETURNING id::text\"\n# update = \"UPDATE … SET name = coalesce(:object.name, name) WHERE id = :id::int\"\n# delete = \"DELETE FROM … WHERE id = :id::int\"\n{KEY}key = \"id\"\n{CHANGES}",
            quoted(query)
        ),
        Rows::Table(table, []) => format!(
            "table = {}\n{KEY}key = \"id\"\n{CHANGES}# Columns that devices do not get.\n# omit = [\"operation\", \"updated_at\"]\n",
            quoted(table)
        ),
        Rows::Table(table, columns) => {
            format!("table = {}\n{}{CHANGES}", quoted(table), described(columns))
        }
    };
    let settings = format!(
        "# {name}: the rows of a database. docs/adapters.md has every key.\n{}\n[sources.{}.sql]\n# postgres://user:password@host:5432/database, or mysql://…:3306/…\nurl = {{ variable = {} }}\n{rows}# A column with a unique constraint, so that no row is made twice.\n# idempotency_key = \"operation\"\n",
        head(name, "sql"),
        key(name),
        quoted(&address),
    );
    Proposal {
        settings,
        example: None,
        next: vec![
            format!(
                "the variable {address} goes into spin.toml; here, SPIN_VARIABLE_{} has its value",
                address.to_ascii_uppercase()
            ),
            format!("`rhosync source check {name}` asks the database itself"),
            format!("`rhosync source triggers {name}` prints what has the database note changes"),
            "the server may call the database if spin.toml has its address, without user and password, among `allowed_outbound_hosts` of sync-handler and adapter-jobs".to_owned(),
        ],
        variables: vec![address],
    }
}

/// What comes before the key.
const KEY: &str = "# The column with the key, which is unique and never null.\n";

/// What a database can say of changes.
const CHANGES: &str = "# The column with the time of the last change: then only what has changed is asked for.\n# changed_at = \"updated_at\"\n# The column that says that a row is deleted.\n# deleted_if = \"is_deleted\"\n";

/// What the database says of a table's columns, as settings.
fn described(columns: &[Column]) -> String {
    let is_key = |column: &&Column| column.is_key;
    let keys: Vec<_> = columns.iter().filter(is_key).collect();
    let key = match &keys[..] {
        [only] => format!("key = {}\n", quoted(&only.name)),
        [] => "# The table has no primary key: name a column that is unique and never null.\nkey = \"id\"\n".to_owned(),
        _ => {
            let names: Vec<_> = keys.iter().map(|column| column.name.as_str()).collect();
            format!(
                "# The primary key is {}: name one that is unique alone, or make the rows by a query that joins them.\nkey = \"id\"\n",
                names.join(", ")
            )
        }
    };
    let others = columns
        .iter()
        .filter(|column| keys.len() != 1 || !column.is_key);
    let lines = others.map(|column| format!("  {}, # {}\n", quoted(&column.name), column.kind));
    let attributes: String = lines.collect();
    let moments = columns
        .iter()
        .filter(|column| column.kind == "timestamp with time zone");
    let moments: Vec<_> = moments
        .map(|it| format!("{} = \"date\"", self::key(&it.name)))
        .collect();
    let types = match moments.is_empty() {
        true => String::new(),
        false => format!(
            "# Devices get these in UTC.\ntypes = {{ {} }}\n",
            moments.join(", ")
        ),
    };
    format!("{key}# Columns that devices get and set.\nattributes = [\n{attributes}]\n{types}")
}

/// A back end that speaks the plugin protocol.
pub(super) fn plugin(name: &str, url: Option<&str>) -> Proposal {
    let url = url.unwrap_or("http://127.0.0.1:9393");
    let settings = format!(
        "# {name}: served by a plugin, at <url>/rhoconnect/query and so on (docs/plugins.md).\n{}\n[sources.{}.http]\nurl = {}\n# What it can do beside query, create, update and delete.\n# methods = [\"search\", \"metadata\", \"schema\"]\n",
        head(name, "http"),
        key(name),
        quoted(url)
    );
    Proposal {
        settings,
        example: Some("{\"1\":{\"name\":\"First\"}}\n".to_owned()),
        variables: Vec::new(),
        next: next_steps(name, url),
    }
}

/// A source that a back end feeds.
pub(super) fn push_only(name: &str) -> Proposal {
    let settings = format!(
        "# {name}: kept by the server; a back end feeds it through the REST API (docs/api.md).\n{}",
        head(name, "push-only")
    );
    let feed = format!(
        "feed it: `PUT /api/v1/sources/{name}/users/{{user}}/objects/{{id}}` with `{{\"attributes\":{{…}}}}`"
    );
    Proposal {
        settings,
        example: None,
        variables: Vec::new(),
        next: vec![feed],
    }
}
