//! The calls of administrators' scripts and back ends, at the addresses they have always used.
//!
//! A call takes its arguments from the path or from the body, so the addresses of both generations lead to the same
//! handlers.

mod clients;
mod documents;
mod feed;
mod old;
mod sources;
mod stats;
mod store;
mod system;
mod users;

pub(crate) use old::OLD_ROUTES;

use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};
use sync_core::{Engine, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::router::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    LogIn,
    Reset,
    License,
    Stats,
    ApiToken,
    ShowAppServer,
    SetAppServer,
    ListUsers,
    CreateUser,
    ShowUser,
    UpdateUser,
    DeleteUser,
    PingUsers,
    ListClients,
    CreateClient,
    ShowClient,
    DeleteClient,
    ListSources,
    ShowSource,
    UpdateSource,
    SetReadState,
    ListDocuments,
    ShowDocument,
    SetDocument,
    ListClientDocuments,
    ShowClientDocument,
    SetClientDocument,
    ShowStored,
    SetStored,
    PushObjects,
    PushDeletes,
    FastInsert,
    FastUpdate,
    FastDelete,
}

impl Route {
    /// Whether it is more than a look at something.
    pub(crate) fn changes_something(self) -> bool {
        match self {
            Self::License
            | Self::Stats
            | Self::ApiToken
            | Self::ShowAppServer
            | Self::ListUsers
            | Self::ShowUser
            | Self::ListClients
            | Self::ShowClient
            | Self::ListSources
            | Self::ShowSource
            | Self::ListDocuments
            | Self::ShowDocument
            | Self::ListClientDocuments
            | Self::ShowClientDocument
            | Self::ShowStored => false,
            Self::LogIn
            | Self::Reset
            | Self::SetAppServer
            | Self::CreateUser
            | Self::UpdateUser
            | Self::DeleteUser
            | Self::CreateClient
            | Self::DeleteClient
            | Self::UpdateSource
            | Self::SetReadState
            | Self::SetDocument
            | Self::SetClientDocument
            | Self::SetStored
            | Self::PingUsers
            | Self::PushObjects
            | Self::PushDeletes
            | Self::FastInsert
            | Self::FastUpdate
            | Self::FastDelete => true,
        }
    }

    /// Whether back ends do it all the time.
    pub(crate) fn is_routine(self) -> bool {
        matches!(
            self,
            Self::PingUsers
                | Self::PushObjects
                | Self::PushDeletes
                | Self::FastInsert
                | Self::FastUpdate
                | Self::FastDelete
        )
    }
}

pub(crate) const ROUTES: &[Row<Route>] = &[
    (Method::POST, "/rc/v1/system/login", Route::LogIn),
    (Method::POST, "/rc/v1/system/reset", Route::Reset),
    (Method::GET, "/rc/v1/system/license", Route::License),
    (Method::GET, "/rc/v1/system/stats", Route::Stats),
    (Method::GET, "/rc/v1/system/appserver", Route::ShowAppServer),
    (Method::POST, "/rc/v1/system/appserver", Route::SetAppServer),
    (Method::GET, "/rc/v1/users", Route::ListUsers),
    (Method::POST, "/rc/v1/users", Route::CreateUser),
    (Method::POST, "/rc/v1/users/ping", Route::PingUsers),
    (Method::GET, "/rc/v1/users/{user}", Route::ShowUser),
    (Method::PUT, "/rc/v1/users/{user}", Route::UpdateUser),
    (Method::DELETE, "/rc/v1/users/{user}", Route::DeleteUser),
    (
        Method::GET,
        "/rc/v1/users/{user}/clients",
        Route::ListClients,
    ),
    (
        Method::DELETE,
        "/rc/v1/users/{user}/clients/{client}",
        Route::DeleteClient,
    ),
    (
        Method::GET,
        "/rc/v1/users/{user}/sources/{source}/docnames",
        Route::ListDocuments,
    ),
    (
        Method::GET,
        "/rc/v1/users/{user}/sources/{source}/docs/{doc}",
        Route::ShowDocument,
    ),
    (
        Method::POST,
        "/rc/v1/users/{user}/sources/{source}/docs/{doc}",
        Route::SetDocument,
    ),
    (Method::GET, "/rc/v1/clients/{client}", Route::ShowClient),
    (
        Method::GET,
        "/rc/v1/clients/{client}/sources/{source}/docnames",
        Route::ListClientDocuments,
    ),
    (
        Method::GET,
        "/rc/v1/clients/{client}/sources/{source}/docs/{doc}",
        Route::ShowClientDocument,
    ),
    (
        Method::POST,
        "/rc/v1/clients/{client}/sources/{source}/docs/{doc}",
        Route::SetClientDocument,
    ),
    (
        Method::GET,
        "/rc/v1/sources/type/{partition}",
        Route::ListSources,
    ),
    (Method::GET, "/rc/v1/sources/{source}", Route::ShowSource),
    (Method::PUT, "/rc/v1/sources/{source}", Route::UpdateSource),
    (
        Method::PUT,
        "/rc/v1/readstate/users/{user}/sources/{source}",
        Route::SetReadState,
    ),
    (
        Method::PUT,
        "/rc/v1/read_state/users/{user}/sources/{source}",
        Route::SetReadState,
    ),
    (Method::GET, "/rc/v1/store/{key}", Route::ShowStored),
    (Method::POST, "/rc/v1/store/{key}", Route::SetStored),
    (
        Method::POST,
        "/app/v1/{source}/push_objects",
        Route::PushObjects,
    ),
    (
        Method::POST,
        "/app/v1/{source}/push_deletes",
        Route::PushDeletes,
    ),
    (
        Method::POST,
        "/app/v1/{source}/fast_insert",
        Route::FastInsert,
    ),
    (
        Method::POST,
        "/app/v1/{source}/fast_update",
        Route::FastUpdate,
    ),
    (
        Method::POST,
        "/app/v1/{source}/fast_delete",
        Route::FastDelete,
    ),
];

/// What a call is about, where its body or query says that and not its path.
pub(crate) fn named(request: &Request) -> Option<String> {
    let named = [("user", USER), ("client", CLIENT), ("source", SOURCE)];
    let named = named.into_iter().filter_map(|(parameter, names)| {
        let is_in_path = !request.parameter(parameter).is_empty();
        let argument = request.optional_argument(parameter, names).ok().flatten();
        argument.filter(|_| !is_in_path)
    });
    Some(named.collect::<Vec<_>>().join(", ")).filter(|named| !named.is_empty())
}

/// Names of arguments in bodies, in the order in which they are looked for.
const USER: &[&str] = &["user_id", "user_name"];

const CLIENT: &[&str] = &["client_id"];

const SOURCE: &[&str] = &["source_id", "source_name"];

pub(crate) async fn answer<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    if route == Route::LogIn {
        return system::log_in(engine, request).await;
    }
    request.require_api_token(engine).await?;
    request.require_object()?;
    match route {
        Route::LogIn => system::log_in(engine, request).await,
        Route::Reset => system::reset(engine).await,
        Route::License => Ok(system::license()),
        Route::Stats => stats::show(engine, request).await,
        Route::ApiToken => system::api_token(engine).await,
        Route::ShowAppServer => system::show_app_server(engine).await,
        Route::SetAppServer => system::set_app_server(engine, request).await,
        Route::ListUsers => users::list(engine).await,
        Route::CreateUser => users::create(engine, request).await,
        Route::ShowUser => users::show(engine, request).await,
        Route::UpdateUser => users::update(engine, request).await,
        Route::DeleteUser => users::delete(engine, request).await,
        Route::PingUsers => users::ping(engine, request).await,
        Route::ListClients => clients::list(engine, request).await,
        Route::CreateClient => clients::create(engine, request).await,
        Route::ShowClient => clients::show(engine, request).await,
        Route::DeleteClient => clients::delete(engine, request).await,
        Route::ListSources => sources::list(engine, request).await,
        Route::ShowSource => sources::show(engine, request).await,
        Route::UpdateSource => sources::update(engine, request).await,
        Route::SetReadState => sources::set_read_state(engine, request).await,
        Route::ListDocuments => documents::list(engine, request).await,
        Route::ShowDocument => documents::show(engine, request).await,
        Route::SetDocument => documents::set(engine, request).await,
        Route::ListClientDocuments => documents::list_of_client(engine, request).await,
        Route::ShowClientDocument => documents::show_of_client(engine, request).await,
        Route::SetClientDocument => documents::set_of_client(engine, request).await,
        Route::ShowStored => store::show(engine, request).await,
        Route::SetStored => store::set(engine, request).await,
        Route::PushObjects => feed::push_objects(engine, request).await,
        Route::PushDeletes => feed::push_deletes(engine, request).await,
        Route::FastInsert => feed::fast_insert(engine, request).await,
        Route::FastUpdate => feed::fast_update(engine, request).await,
        Route::FastDelete => feed::fast_delete(engine, request).await,
    }
}

/// One attribute of a user, a client or a source, in the shape scripts know.
fn attribute(name: &str, kind: &str, value: impl Into<Value>) -> Value {
    json!({"name": name, "type": kind, "value": value.into()})
}
