//! Devices, and the back end that gives them something to sync.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use serde_json::{Map, Value, json};
use sync_proto::{
    API_TOKEN_HEADER, CLIENT_ID_HEADER, ClientCreated, PAGE_OBJECT_COUNT_HEADER, PAGE_TOKEN_HEADER,
};

use crate::stage::ADMIN;
use crate::wire::{Call, Wire};

/// The user of most devices.
pub(crate) const USER: &str = "bench";
/// Everybody's password here.
pub(crate) const PASSWORD: &str = "bench-password";
/// Objects of one call that loads data.
const CHUNK: usize = 1_000;
/// Objects of a page where the size is of no interest: the most the server gives.
const LARGE_PAGE: usize = 2_000;

/// The back end, which is also the administrator.
pub(crate) struct BackEnd {
    wire: Wire,
    token: HeaderValue,
}

impl BackEnd {
    /// Logs in.
    pub(crate) async fn log_in(address: &str, password: &str) -> Result<Self> {
        let mut wire = Wire::open(address).await?;
        let login = json!({"login": ADMIN, "password": password});
        let answer = wire.send(post("/rc/v1/system/login", &login)?).await?;
        let mut token = HeaderValue::from_bytes(answer.body())?;
        token.set_sensitive(true);
        Ok(Self { wire, token })
    }

    /// Makes a user.
    pub(crate) async fn create_user(&mut self, user: &str) -> Result<()> {
        let user = json!({"attributes": {"login": user, "password": PASSWORD}});
        self.post("/rc/v1/users", &user).await
    }

    /// Gives the objects of this range new values, or makes them.
    pub(crate) async fn write(
        &mut self,
        source: &str,
        user: &str,
        objects: std::ops::Range<usize>,
        edition: usize,
    ) -> Result<()> {
        let path = format!("/app/v1/{source}/push_objects");
        for start in objects.clone().step_by(CHUNK) {
            let end = objects.end.min(start + CHUNK);
            let objects: Map<String, Value> = (start..end)
                .map(|number| (format!("p{number:06}"), product(number, edition)))
                .collect();
            let body = json!({"user_id": user, "objects": objects});
            self.post(&path, &body).await?;
        }
        Ok(())
    }

    async fn post(&mut self, path: &str, body: &Value) -> Result<()> {
        let mut call = post(path, body)?;
        call.headers_mut()
            .insert(API_TOKEN_HEADER, self.token.clone());
        self.wire
            .send(call)
            .await
            .with_context(|| path.to_owned())?;
        Ok(())
    }
}

/// A record as back ends have them: seven attributes, all of them other ones in every edition.
pub(crate) fn product(number: usize, edition: usize) -> Value {
    json!({
        "name": format!("Product {number}, edition {edition}"),
        "brand": format!("Brand {}", (number + edition) % 50),
        "price": format!("{}.{:02}", number % 900 + edition, (number + edition) % 100),
        "quantity": (number * 7 % 500 + edition).to_string(),
        "sku": format!("SKU-{number:08}-{edition}"),
        "description": format!("What product {number} is for, in the words of edition {edition}"),
        "updated_at": format!("2026-01-{:02}T08:00:00Z", (number + edition) % 28 + 1),
    })
}

/// A session and, once registered, a client.
#[derive(Clone)]
pub(crate) struct Device {
    cookie: HeaderValue,
    client: Option<HeaderValue>,
}

/// What a page says of itself in its head.
pub(crate) struct PageHead {
    /// What acknowledges it; `None` at the end of a sync.
    pub(crate) token: Option<String>,
    /// How many objects it has.
    pub(crate) objects: usize,
}

impl Device {
    /// Logs a user in.
    pub(crate) async fn log_in(wire: &mut Wire, user: &str) -> Result<Self> {
        let login = json!({"login": user, "password": PASSWORD});
        let answer = wire.send(post("/rc/v1/app/login", &login)?).await?;
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .and_then(|cookie| cookie.to_str().ok()?.split(';').next())
            .context("the login's answer has no cookie")?;
        Ok(Self {
            cookie: cookie.parse()?,
            client: None,
        })
    }

    /// A further device of the same user.
    pub(crate) async fn register(&self, wire: &mut Wire) -> Result<Self> {
        let mut call = post("/rc/v1/clients", &json!({}))?;
        call.headers_mut().insert(COOKIE, self.cookie.clone());
        let answer = wire.send(call).await?;
        let ClientCreated { client, .. } = serde_json::from_slice(answer.body())?;
        Ok(Self {
            cookie: self.cookie.clone(),
            client: Some(client.client_id.parse()?),
        })
    }

    /// Asks for a page of a source, acknowledging the one before.
    pub(crate) fn pull(&self, source: &str, token: Option<&str>, size: usize) -> Result<Call> {
        let mut path = format!("/app/v1/{source}?p_size={size}&version=3");
        if let Some(token) = token {
            path.push_str("&token=");
            path.push_str(token);
        }
        let call = Request::get(path).body(Full::default())?;
        Ok(self.signed(call))
    }

    /// Asks for a page of a source by the address of RhoSync.
    pub(crate) fn old_pull(&self, source: &str, size: usize) -> Result<Call> {
        let path = format!("/application?source_name={source}&p_size={size}&version=3");
        let call = Request::get(path).body(Full::default())?;
        Ok(self.signed(call))
    }

    /// Sends a new object up.
    pub(crate) fn create(&self, source: &str, id: &str, object: &Value) -> Result<Call> {
        let changes = json!({"create": {id: object}});
        let call = post(&format!("/app/v1/{source}"), &changes)?;
        Ok(self.signed(call))
    }

    /// Pulls to the end, acknowledging every page; says how many objects came.
    pub(crate) async fn sync(&self, wire: &mut Wire, source: &str, size: usize) -> Result<usize> {
        let mut objects = 0;
        let mut token: Option<String> = None;
        loop {
            let answer = wire
                .send(self.pull(source, token.as_deref(), size)?)
                .await?;
            let page = page_head(&answer)?;
            objects += page.objects;
            token = page.token;
            if token.is_none() {
                return Ok(objects);
            }
        }
    }

    /// Pulls to the end in pages as large as they come.
    pub(crate) async fn catch_up(&self, wire: &mut Wire, source: &str) -> Result<usize> {
        self.sync(wire, source, LARGE_PAGE).await
    }

    fn signed(&self, mut call: Call) -> Call {
        let headers = call.headers_mut();
        headers.insert(COOKIE, self.cookie.clone());
        if let Some(client) = &self.client {
            headers.insert(CLIENT_ID_HEADER, client.clone());
        }
        call
    }
}

/// Reads a page's head.
pub(crate) fn page_head(answer: &Response<Bytes>) -> Result<PageHead> {
    let header = |name: &str| -> Result<&str> {
        let value = answer.headers().get(name);
        let value = value.with_context(|| format!("the page has no {name}"))?;
        Ok(value.to_str()?)
    };
    let token = header(PAGE_TOKEN_HEADER)?;
    Ok(PageHead {
        token: (!token.is_empty()).then(|| token.to_owned()),
        objects: header(PAGE_OBJECT_COUNT_HEADER)?.parse()?,
    })
}

fn post(path: &str, body: &Value) -> Result<Call> {
    Ok(Request::post(path)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body.to_string()))?)
}
