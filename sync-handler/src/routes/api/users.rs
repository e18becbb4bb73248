//! Users.

use bytes::Bytes;
use http::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sync_core::{
    ADMINISTRATOR, Accounts, ApiToken, Engine, Expected, Order, Ports, Scope, UserChange,
    UserDetails,
};
use sync_proto::api::{NewUserInfo, UserInfo, UserName, UserPatch};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{created, limit, listing, next_name, no_content, order, require, tagged};

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let limit = limit(request)?;
    let (beginning, after) = (
        request.query("q").unwrap_or_default(),
        request.query("cursor"),
    );
    let order = order(request, "name")?.unwrap_or(Order::Ascending);
    let names = engine.find_users(beginning, after, limit, order).await?;
    let next = next_name(&names, limit);
    let users = names.into_iter().map(|login| UserName { login }).collect();
    Ok(listing(users, next))
}

pub(super) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let NewUserInfo {
        login,
        password,
        email,
        attributes,
    } = request.body()?;
    let change = UserChange {
        password: None,
        email,
        attributes,
        expected: Expected::Any,
    };
    Accounts::<P>::check_user_change(&change)?;
    engine.accounts().create_user(&login, &password).await?;
    if change.email.is_some() || change.attributes.is_some() {
        engine.accounts().update_user(&login, change).await?;
    }
    let location = format!(
        "/api/v1/users/{}",
        utf8_percent_encode(&login, NON_ALPHANUMERIC)
    );
    Ok(created(
        &location,
        &to_info(engine, engine.accounts().user(&login).await?).await?,
    ))
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let user = engine.accounts().user(request.parameter("user")).await?;
    let revision = user.revision.clone();
    let answer = respond::json(&to_info(engine, user).await?);
    Ok(tagged(answer, &revision))
}

pub(super) async fn update<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    let UserPatch {
        password,
        email,
        attributes,
    } = request.body()?;
    let login = request.parameter("user");
    // Whoever sets the administrator's password is the administrator.
    if login == ADMINISTRATOR {
        require(token, Scope::Admin)?;
    }
    let change = UserChange {
        password,
        email,
        attributes,
        expected: request.expected(),
    };
    engine.accounts().update_user(login, change).await?;
    show(engine, request).await
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let login = request.parameter("user");
    if login == ADMINISTRATOR {
        return Err(HttpError::InvalidValue(
            "the administrator cannot be deleted".to_owned(),
        ));
    }
    engine.delete_user(login).await?;
    Ok(no_content())
}

pub(super) async fn list_copies<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let copies = engine.copies_of_user(request.parameter("user")).await?;
    Ok(listing(copies, None))
}

async fn to_info<P: Ports>(engine: &Engine<P>, user: UserDetails) -> Result<UserInfo, HttpError> {
    let UserDetails {
        login,
        email,
        attributes,
        created_at,
        revision: _,
    } = user;
    Ok(UserInfo {
        clients: engine.count_clients(&login).await?,
        login: login.into_string(),
        email,
        attributes,
        created_at: created_at.0,
    })
}
