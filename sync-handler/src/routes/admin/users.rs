//! Users.

use std::num::ParseIntError;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use sync_core::{ADMINISTRATOR, Engine, PingMessage, PingTargets, Ports, UserChange};
use sync_proto::CreateUser;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond::{self, Made};
use crate::routes::admin::{USER, attribute};

/// Users read from the store at once.
const USERS_CHUNK: usize = 1_000;

/// Most users listed: the old route knows no pages.
const MAX_USERS: usize = 100_000;

/// Most users pinged at once.
const MAX_PINGED: usize = 10_000;

/// The names of all users. The administrator is not listed.
pub(super) async fn list<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    let mut users: Vec<String> = Vec::new();
    loop {
        let chunk = engine
            .accounts()
            .list_users(users.last().map(String::as_str), USERS_CHUNK)
            .await?;
        let is_last = chunk.len() < USERS_CHUNK;
        users.extend(chunk);
        if is_last || users.len() >= MAX_USERS {
            break;
        }
    }
    users.retain(|user| user != ADMINISTRATOR);
    Ok(respond::legacy_json(&users))
}

pub(super) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let CreateUser { attributes } = request.body()?;
    engine
        .accounts()
        .create_user(&attributes.login, &attributes.password)
        .await?;
    let mut answer = respond::text("User created");
    answer.extensions_mut().insert(Made(attributes.login));
    Ok(answer)
}

/// A user as a list of attributes. Salt and hash of the password, which the original tells, are nobody's business.
pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let user = engine
        .accounts()
        .user(&request.argument("user", USER)?)
        .await?;
    let login = user.login.as_str();
    let admin = (login == ADMINISTRATOR).then_some(1);
    Ok(respond::legacy_json(&[
        attribute("rho__id", "string", login),
        attribute("login", "string", login),
        attribute("email", "string", user.email),
        attribute("salt", "string", Value::Null),
        attribute("hashed_password", "string", Value::Null),
        attribute("admin", "integer", admin),
        attribute("token_id", "string", Value::Null),
    ]))
}

/// Changes password and address. Nothing is changed where something else is asked for too.
pub(super) async fn update<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        attributes: Map<String, Value>,
    }
    // In RhoSync the caller changed itself.
    let user = request.optional_argument("user", USER)?;
    let user = user.as_deref().unwrap_or(ADMINISTRATOR);
    let Body { attributes } = request.body()?;
    let mut change = UserChange::default();
    for (name, value) in attributes {
        let Value::String(value) = value else {
            return Err(HttpError::InvalidValue(format!("{name} is not a text")));
        };
        match name.as_str() {
            "new_password" | "password" => change.password = Some(value),
            "email" => change.email = Some(value),
            "login" if value == user => {}
            _ => {
                return Err(HttpError::InvalidValue(format!(
                    "a user has no attribute {name:?} that can be changed: new_password and email can"
                )));
            }
        }
    }
    engine.accounts().update_user(user, change).await?;
    Ok(respond::text("User updated"))
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let user = request.argument("user", USER)?;
    if user == ADMINISTRATOR {
        return Err(HttpError::InvalidValue(
            "the administrator cannot be deleted".to_owned(),
        ));
    }
    engine.delete_user(&user).await?;
    Ok(respond::text("User deleted"))
}

/// Pings users' devices: one user or a list of them. It is a job that reaches the devices.
pub(super) async fn ping<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        user_id: Option<OneOrMany>,
        #[serde(default)]
        sources: Option<OneOrMany>,
        message: Option<String>,
        badge: Option<Number>,
        sound: Option<String>,
        vibrate: Option<Number>,
    }
    let Body {
        user_id,
        sources,
        message,
        badge,
        sound,
        vibrate,
    } = request.body()?;
    let users = user_id
        .ok_or_else(|| HttpError::MissingArgument("user_id".to_owned()))?
        .into_vec();
    if users.len() > MAX_PINGED {
        return Err(HttpError::InvalidValue(format!(
            "at most {MAX_PINGED} users can be pinged at once"
        )));
    }
    let number = |name: &str, number: Option<Number>| {
        let number = number.and_then(Number::into_number).transpose();
        number.map_err(|_| HttpError::InvalidValue(format!("{name} is a number")))
    };
    let message = PingMessage {
        message: message.filter(|text| !text.is_empty()),
        badge: number("badge", badge)?,
        sound: sound.filter(|text| !text.is_empty()),
        vibrate: number("vibrate", vibrate)?,
        sources: sources.map_or_else(Vec::new, OneOrMany::into_vec),
        ..PingMessage::default()
    };
    let to = PingTargets {
        users,
        clients: Vec::new(),
    };
    engine.ping(&to, &message, ADMINISTRATOR).await?;
    Ok(respond::text("done"))
}

/// Scripts send a list, or one thing alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// Scripts write numbers as texts, too; an empty one is none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u32),
    Text(String),
}

impl Number {
    fn into_number(self) -> Option<Result<u32, ParseIntError>> {
        match self {
            Self::Number(number) => Some(Ok(number)),
            Self::Text(text) if text.is_empty() => None,
            Self::Text(text) => Some(text.parse()),
        }
    }
}
