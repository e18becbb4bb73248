//! The routes of devices.

mod bulk_data;
mod client;
mod login;
mod old;
pub(crate) mod search;
mod sync;

pub(crate) use old::{OLD_ROUTES, answer_old, check_version};

use bytes::Bytes;
use http::{Method, Response};
use sync_core::{Engine, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::router::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    LogIn,
    CreateClient,
    RegisterClient,
    ResetClient,
    Search,
    BulkData,
    Pull,
    Push,
    UpdateObject,
    DeleteObject,
}

pub(crate) const ROUTES: &[Row<Route>] = &[
    (Method::POST, "/rc/v1/app/login", Route::LogIn),
    (Method::POST, "/rc/v1/clients", Route::CreateClient),
    (
        Method::POST,
        "/rc/v1/clients/{client}/register",
        Route::RegisterClient,
    ),
    (
        Method::POST,
        "/rc/v1/clients/{client}/reset",
        Route::ResetClient,
    ),
    (Method::POST, "/rc/v1/app/search", Route::Search),
    (Method::POST, "/rc/v1/app/bulk_data", Route::BulkData),
    (Method::GET, "/app/v1/{source}", Route::Pull),
    (Method::POST, "/app/v1/{source}", Route::Push),
    (
        Method::PUT,
        "/app/v1/{source}/{object}",
        Route::UpdateObject,
    ),
    (
        Method::DELETE,
        "/app/v1/{source}/{object}",
        Route::DeleteObject,
    ),
];

pub(crate) async fn answer<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    match route {
        Route::LogIn => login::log_in(engine, request).await,
        Route::CreateClient => client::create(engine, request).await,
        Route::RegisterClient => client::register(engine, request).await,
        Route::ResetClient => client::reset(engine, request).await,
        Route::Search => search::search(engine, request).await,
        Route::BulkData => bulk_data::ask(engine, request).await,
        Route::Pull => sync::pull(engine, request).await,
        Route::Push => sync::push(engine, request).await,
        Route::UpdateObject => sync::update_object(engine, request).await,
        Route::DeleteObject => sync::delete_object(engine, request).await,
    }
}
