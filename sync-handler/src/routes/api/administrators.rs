//! Administrators.

use bytes::Bytes;
use http::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sync_core::{Administrator, AdministratorChange, Engine, Ports, Role};
use sync_proto::api::{self, AdministratorInfo, AdministratorPatch, NewAdministrator};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{created, listing, no_content, tagged};

/// All of them: there are no more than fit into one part of a list.
pub(super) async fn list<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    let found = engine.accounts().administrators().await?;
    Ok(listing(found.into_iter().map(to_info).collect(), None))
}

pub(super) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let NewAdministrator {
        login,
        password,
        role,
    } = request.body()?;
    engine
        .accounts()
        .create_administrator(&login, &password, from_role(role))
        .await?;
    let location = format!(
        "/api/v1/administrators/{}",
        utf8_percent_encode(&login, NON_ALPHANUMERIC)
    );
    let made = engine.accounts().administrator(&login).await?;
    Ok(created(&location, &to_info(made)))
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let login = request.parameter("login");
    let found = engine.accounts().administrator(login).await?;
    let revision = found.revision.clone();
    Ok(tagged(respond::json(&to_info(found)), &revision))
}

pub(super) async fn update<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let AdministratorPatch { password, role } = request.body()?;
    let login = request.parameter("login");
    let change = AdministratorChange {
        password,
        role: role.map(from_role),
        expected: request.expected(),
    };
    engine
        .accounts()
        .change_administrator(login, change)
        .await?;
    show(engine, request).await
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let login = request.parameter("login");
    engine.accounts().remove_administrator(login).await?;
    Ok(no_content())
}

fn to_info(administrator: Administrator) -> AdministratorInfo {
    let Administrator {
        login,
        role,
        created_at,
        seen_at,
        has_made_password: _,
        revision: _,
    } = administrator;
    AdministratorInfo {
        login,
        role: to_role(role),
        created_at: created_at.0,
        seen_at: seen_at.map(|at| at.0),
    }
}

pub(super) fn to_role(role: Role) -> api::Role {
    match role {
        Role::Viewer => api::Role::Viewer,
        Role::Operator => api::Role::Operator,
        Role::Administrator => api::Role::Administrator,
    }
}

fn from_role(role: api::Role) -> Role {
    match role {
        api::Role::Viewer => Role::Viewer,
        api::Role::Operator => Role::Operator,
        api::Role::Administrator => Role::Administrator,
    }
}
