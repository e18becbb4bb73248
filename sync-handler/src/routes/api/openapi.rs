//! The OpenAPI document, made from the table of operations and the types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use sync_jobs::JobState;
use sync_proto::api;

use crate::routes::api::{IDEMPOTENCY_KEY_HEADER, Needs, OPERATIONS, Operation, Route};

/// Set to write the document instead of comparing it.
const UPDATE: &str = "UPDATE_OPENAPI";

struct Schemas {
    generator: schemars::SchemaGenerator,
    by_name: Map<String, Value>,
}

impl Schemas {
    fn add<T: JsonSchema>(&mut self, name: &str) {
        let schema = self.generator.subschema_for::<T>();
        self.by_name.insert(name.to_owned(), schema.to_value());
    }

    /// Every type the table names.
    fn all() -> Self {
        let settings = SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = "/components/schemas".into());
        let mut schemas = Self {
            generator: settings.into_generator(),
            by_name: Map::new(),
        };
        macro_rules! add {
            ($($name:ident)*) => { $(schemas.add::<api::$name>(stringify!($name));)* };
        }
        add! {
            AdministratorInfo AdministratorPatch ApiError ApiLogin AppServer ChangeInfo ChangeRetry ClientInfo ClientReset ClientSourceInfo CopySummary CreatedToken Diagnostics DocumentInfo JobInfo JobRetry JobsRetried JobsRun NewPing NewToken
            NewAdministrator NewUserInfo ObjectBatch ObjectChange ObjectInfo ObjectPut ObjectVersions Overview PasswordChange PingInfo PushCheck QueueHistory QueueInfo QueuePatch RefreshRequest SessionInfo SourcePatch SourceSummary
            Statistics StoredDocument SyncPreview SystemInfo SystemReset UserInfo UserPatch
        }
        schemas.add::<api::Listing<api::AdministratorInfo>>("Listing<AdministratorInfo>");
        schemas.add::<api::Listing<api::AuditEntry>>("Listing<AuditEntry>");
        schemas.add::<api::Listing<api::ClientSummary>>("Listing<ClientSummary>");
        schemas.add::<api::Listing<api::ClientSourceSummary>>("Listing<ClientSourceSummary>");
        schemas.add::<api::Listing<api::ChangeInfo>>("Listing<ChangeInfo>");
        schemas.add::<api::Listing<api::CopySummary>>("Listing<CopySummary>");
        schemas.add::<api::Listing<api::MetricInfo>>("Listing<MetricInfo>");
        schemas.add::<api::Listing<api::SettingInfo>>("Listing<SettingInfo>");
        schemas.add::<api::Listing<api::SyncEvent>>("Listing<SyncEvent>");
        schemas.add::<api::Listing<api::PingRecord>>("Listing<PingRecord>");
        schemas.add::<api::Listing<api::PushServiceInfo>>("Listing<PushServiceInfo>");
        schemas.add::<api::Listing<api::ScheduleInfo>>("Listing<ScheduleInfo>");
        schemas.add::<api::Listing<api::TokenInfo>>("Listing<TokenInfo>");
        schemas.add::<api::Listing<api::UserName>>("Listing<UserName>");
        schemas.add::<api::Listing<api::ClientName>>("Listing<ClientName>");
        schemas.add::<api::Listing<api::SourceSummary>>("Listing<SourceSummary>");
        schemas.add::<api::Listing<api::ObjectInfo>>("Listing<ObjectInfo>");
        schemas.add::<api::Listing<api::ObjectDifference>>("Listing<ObjectDifference>");
        schemas.add::<api::Listing<api::JobInfo>>("Listing<JobInfo>");
        schemas.add::<api::Listing<api::QueueInfo>>("Listing<QueueInfo>");
        schemas
    }

    fn content(&self, name: &str) -> Value {
        let schema = |name: &str| {
            let schema = self.by_name.get(name);
            schema.unwrap_or_else(|| panic!("the table names the type {name}"))
        };
        let schema = match name.split_once(" or ") {
            Some((one, other)) => json!({"anyOf": [schema(one), schema(other)]}),
            None => schema(name).clone(),
        };
        json!({"application/json": {"schema": schema}})
    }
}

fn document() -> Value {
    let mut schemas = Schemas::all();
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let item = paths
            .entry(operation.path)
            .or_insert_with(|| json!({}))
            .as_object_mut()
            .unwrap();
        let method = operation.method.as_str().to_lowercase();
        item.insert(method, describe(operation, &schemas));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "RhoSync",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Administration and data of a RhoSync server. Times are milliseconds since 1970-01-01 UTC.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.generator.take_definitions(true),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    })
}

/// What a request may say behind the question mark, beside the part of a list that it asks for.
fn query(route: Route) -> Vec<Value> {
    let parameter = |name: &str, schema| json!({"name": name, "in": "query", "schema": schema});
    let text = |name| parameter(name, json!({"type": "string"}));
    let needed = |name| {
        let mut parameter = text(name);
        parameter["required"] = true.into();
        parameter
    };
    let one_of = |name, values: &[&str]| parameter(name, json!({"type": "string", "enum": values}));
    let up_to = |name, most: u64| {
        let number = json!({"type": "integer", "minimum": 1, "maximum": most});
        parameter(name, number)
    };
    let sort = |values| one_of("sort", values);
    let state = |values| one_of("state", values);
    match route {
        Route::ListTokens => vec![sort(&["created", "-created"])],
        Route::ListAudit => vec![text("who"), sort(&["at", "-at"])],
        Route::ListUsers | Route::ListSources => vec![text("q"), sort(&["name", "-name"])],
        Route::FindClients => vec![
            text("q"),
            text("user"),
            state(&["ok", "waiting", "stuck", "failing", "silent"]),
            sort(&["seen", "id"]),
        ],
        Route::PreviewSync => vec![up_to("limit", 1_000)],
        Route::ListChanges => vec![
            state(&["waiting", "dead", "refused"]),
            text("source"),
            text("user"),
            text("client"),
            sort(&["sent", "-sent"]),
        ],
        Route::ShowQueueHistory => vec![up_to("minutes", 118)],
        Route::ListJobs => vec![
            needed("queue"),
            state(&JobState::ALL.map(JobState::as_str)),
            text("name"),
            text("user"),
            sort(&["time", "-time"]),
        ],
        Route::ListObjects => vec![text("q"), sort(&["version", "-version"])],
        Route::ShowStatistics => vec![
            needed("metric"),
            text("by"),
            up_to("minutes", 180),
            up_to("hours", 2_160),
        ],
        _ => Vec::new(),
    }
}

fn describe(operation: &Operation, schemas: &Schemas) -> Value {
    let mut parameters: Vec<Value> = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if operation
        .gives
        .is_some_and(|name| name.starts_with("Listing"))
    {
        parameters.push(json!({"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}}));
        parameters.push(json!({"name": "cursor", "in": "query", "schema": {"type": "string"}}));
    }
    parameters.extend(query(operation.route));
    if operation.method != http::Method::GET && operation.needs != Needs::Nothing {
        parameters.push(
            json!({"name": IDEMPOTENCY_KEY_HEADER, "in": "header", "schema": {"type": "string"}}),
        );
    }
    let mut success = json!({"description": operation.summary});
    if let Some(name) = operation.gives {
        success["content"] = schemas.content(name);
    }
    let error = json!({"description": "What is wrong.", "content": schemas.content("ApiError")});
    let mut described = json!({
        "operationId": format!("{:?}", operation.route),
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {operation.status.to_string(): success, "default": error},
    });
    if let Some(name) = operation.takes {
        described["requestBody"] = json!({"required": true, "content": schemas.content(name)});
    }
    if operation.needs != Needs::Nothing {
        described["security"] = json!([{"token": []}]);
    }
    if let Needs::Scope(scope) = operation.needs {
        described["x-scope"] = json!(scope.as_str());
    }
    described
}

#[test]
fn the_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == made,
        "docs/openapi.json is not what the code says: run `{UPDATE}=1 cargo test -p sync-handler openapi` and look at the difference"
    );
}
