//! Calls that need no network.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use sync_device::{Attributes, Value};

use crate::conversation::Conversation;
use crate::database::Database;
use crate::error::Error;
use crate::model::Operation;
use crate::options::Credentials;

/// What an operation does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Op {
    Create,
    Update,
    Delete,
}

/// An operation as the script names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedOperation {
    op: Op,
    source: String,
    id: String,
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    set: Attributes,
    #[serde(default)]
    unset: Vec<String>,
}

impl From<NamedOperation> for Operation {
    fn from(named: NamedOperation) -> Self {
        let NamedOperation {
            op,
            source,
            id,
            attributes,
            set,
            unset,
        } = named;
        match op {
            Op::Create => Self::Create {
                source,
                id: Some(id),
                attributes,
            },
            Op::Update => Self::Update {
                source,
                id,
                set,
                unset,
            },
            Op::Delete => Self::Delete { source, id },
        }
    }
}

/// Who signs in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedCredentials {
    login: Option<String>,
    password: Option<String>,
    token: Option<String>,
}

impl NamedCredentials {
    /// A name and a password, or a token.
    pub fn known(self) -> Option<Credentials> {
        match (self.login, self.password, self.token) {
            (Some(login), Some(password), None) => Some(Credentials::Password { login, password }),
            (None, None, Some(token)) => Some(Credentials::Token { token }),
            _ => None,
        }
    }
}

/// What is searched for at the back end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSearch {
    source: String,
    #[serde(default)]
    parameters: Attributes,
}

impl NamedSearch {
    /// Begins to search.
    ///
    /// # Errors
    /// See [`Database::begin_search_remote`].
    pub fn begin(self, database: &Database) -> Result<Arc<Conversation>, Error> {
        database.begin_search_remote(&self.source, &self.parameters)
    }
}

/// A call as the script makes it: `{"get": {"source": "Product", "id": "7"}}`. Each is the method of [`Database`] of this name.
#[expect(missing_docs, reason = "the methods say it")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Call {
    User {},
    Transaction {
        operations: Vec<NamedOperation>,
    },
    Get {
        source: String,
        id: String,
    },
    List {
        source: String,
        limit: u32,
        offset: u32,
    },
    Query {
        sql: String,
        params: Vec<Value>,
    },
    SourcesOf {
        sql: String,
    },
    Search {
        source: String,
        words: String,
        limit: u32,
    },
    File {
        address: String,
    },
    WantFile {
        address: String,
    },
    Pending {},
    Failed {},
    Retry {
        change: String,
        values: Option<Attributes>,
    },
    Discard {
        change: String,
    },
    SetParameters {
        source: String,
        parameters: Attributes,
    },
    ForgetFound {
        source: String,
    },
    Sources {},
    Diagnostics {},
    PingedSources {
        payload: String,
    },
}

/// What becomes of it.
///
/// # Errors
/// Those of the method.
pub fn answer(database: &Database, call: Call) -> Result<Json, Error> {
    Ok(match call {
        Call::User {} => json!(database.user()?),
        Call::Transaction { operations } => {
            let operations = operations.into_iter().map(Into::into).collect();
            json!(database.transaction(operations)?)
        }
        Call::Get { source, id } => json!(database.get(&source, &id)?),
        Call::List {
            source,
            limit,
            offset,
        } => json!(database.list(&source, limit, offset)?),
        Call::Query { sql, params } => json!(database.query(&sql, &params)?),
        Call::SourcesOf { sql } => json!(database.sources_of(&sql)?),
        Call::Search {
            source,
            words,
            limit,
        } => json!(database.search(&source, &words, limit)?),
        Call::File { address } => json!(database.file(&address)?),
        Call::WantFile { address } => json!(database.want_file(&address)?),
        Call::Pending {} => json!(database.pending()?),
        Call::Failed {} => json!(database.failed()?),
        Call::Retry { change, values } => json!(database.retry(&change, values)?),
        Call::Discard { change } => json!(database.discard(&change)?),
        Call::SetParameters { source, parameters } => {
            json!(database.set_parameters(&source, &parameters)?)
        }
        Call::ForgetFound { source } => json!(database.forget_found(&source)?),
        Call::Sources {} => json!(database.sources()?),
        Call::Diagnostics {} => json!(database.diagnostics()?),
        Call::PingedSources { payload } => json!(database.pinged_sources(&payload)),
    })
}
