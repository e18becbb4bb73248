//! What a run asks of its server: whether it is ready, and to have the demo user.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use sync_client::{Transport as _, UreqTransport};
use sync_proto::{API_TOKEN_HEADER, ERROR_CODE_HEADER, ErrorCode};

/// The administrator's name.
pub(crate) const ADMIN: &str = "rhoadmin";

/// The server's REST API, as an administrator sees it.
#[derive(Debug)]
pub(crate) struct Admin {
    transport: UreqTransport,
    server: String,
}

impl Admin {
    /// The API of the server at this address.
    pub(crate) fn new(server: &str) -> Self {
        // Generous: the first login makes the administrator, whose password is expensive to hash.
        let transport = UreqTransport::new(Duration::from_secs(10));
        Self {
            transport,
            server: server.to_owned(),
        }
    }

    /// Whether the server is ready to serve; if not, why.
    pub(crate) fn ready(&self) -> Result<(), String> {
        let request = Request::get(format!("{}/ready", self.server)).body(Bytes::new());
        let request = request.map_err(|error| error.to_string())?;
        match self.transport.send(request) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("{}: {}", answer.status(), text(&answer))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Logs the administrator in and makes a user, if there is none of that name.
    pub(crate) fn ensure_user(
        &self,
        admin_password: &str,
        login: &str,
        password: &str,
    ) -> Result<()> {
        let token = self
            .login(admin_password)
            .context("the administrator cannot log in")?;
        let user = json!({"attributes": {"login": login, "password": password}});
        let answer = self.post("/rc/v1/users", Some(&token), &user)?;
        let code = answer
            .headers()
            .get(ERROR_CODE_HEADER)
            .map(http::HeaderValue::as_bytes);
        if answer.status().is_success() || code == Some(ErrorCode::UserExists.as_str().as_bytes()) {
            return Ok(());
        }
        bail!(
            "cannot make the user {login}: the server answered {}: {}",
            answer.status(),
            text(&answer)
        )
    }

    /// Logs the administrator in, and answers the token.
    pub(crate) fn login(&self, password: &str) -> Result<String> {
        let answer = self.post(
            "/rc/v1/system/login",
            None,
            &json!({"login": ADMIN, "password": password}),
        )?;
        match answer.status() {
            StatusCode::OK => Ok(text(&answer)),
            status => bail!("the server answered {status}: {}", text(&answer)),
        }
    }

    fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Result<Response<Bytes>> {
        let mut request = Request::post(format!("{}{path}", self.server))
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(API_TOKEN_HEADER, token);
        }
        Ok(self
            .transport
            .send(request.body(body.to_string().into())?)?)
    }
}

fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8_lossy(answer.body()).trim().to_owned()
}
