//! What administrators' scripts and back ends ask for, by the addresses they have always used.

mod push;
mod sources;
mod system;
mod users;

use bytes::Bytes;
use http::{Method, Response};
use sync_core::{Engine, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::router::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    LogIn,
    ListUsers,
    CreateUser,
    ListSources,
    PushObjects,
    PushDeletes,
}

pub(crate) const ROUTES: &[Row<Route>] = &[
    (Method::POST, "/rc/v1/system/login", Route::LogIn),
    (Method::GET, "/rc/v1/users", Route::ListUsers),
    (Method::POST, "/rc/v1/users", Route::CreateUser),
    (
        Method::GET,
        "/rc/v1/sources/type/{partition}",
        Route::ListSources,
    ),
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
];

pub(crate) async fn answer<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    match route {
        Route::LogIn => system::log_in(engine, request).await,
        Route::ListUsers => users::list(engine, request).await,
        Route::CreateUser => users::create(engine, request).await,
        Route::ListSources => sources::list(engine, request).await,
        Route::PushObjects => push::push_objects(engine, request).await,
        Route::PushDeletes => push::push_deletes(engine, request).await,
    }
}
