//! What a run asks of its server: whether it is ready, and to have the demo user.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use sync_proto::{API_TOKEN_HEADER, ERROR_CODE_HEADER, ErrorCode};
use ureq::Agent;
use ureq::Body;
use ureq::http::{Response, StatusCode};

/// The administrator's name.
pub(crate) const ADMIN: &str = "rhoadmin";

/// The server's REST API, as an administrator sees it.
#[derive(Debug)]
pub(crate) struct Admin {
    agent: Agent,
    server: String,
}

impl Admin {
    /// The API of the server at this address.
    pub(crate) fn new(server: &str) -> Self {
        let config = Agent::config_builder()
            // Generous: the first login makes the administrator, whose password is expensive to hash.
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .proxy(None);
        Self {
            agent: config.build().into(),
            server: server.to_owned(),
        }
    }

    /// Whether the server is ready to serve; if not, why.
    pub(crate) fn ready(&self) -> Result<(), String> {
        match self.agent.get(format!("{}/ready", self.server)).call() {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("{}: {}", answer.status(), text(answer))),
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
        let answer = self
            .agent
            .post(format!("{}/rc/v1/users", self.server))
            .content_type("application/json")
            .header(API_TOKEN_HEADER, token)
            .send(user.to_string())?;
        let code = answer.headers().get(ERROR_CODE_HEADER);
        if answer.status().is_success()
            || code.is_some_and(|code| code == ErrorCode::UserExists.as_str())
        {
            return Ok(());
        }
        bail!(
            "cannot make the user {login}: the server answered {}: {}",
            answer.status(),
            text(answer)
        )
    }

    /// Logs the administrator in, and answers the token.
    pub(crate) fn login(&self, password: &str) -> Result<String> {
        let login = json!({"login": ADMIN, "password": password});
        let answer = self
            .agent
            .post(format!("{}/rc/v1/system/login", self.server))
            .content_type("application/json")
            .send(login.to_string())?;
        match answer.status() {
            StatusCode::OK => Ok(text(answer)),
            status => bail!("the server answered {status}: {}", text(answer)),
        }
    }
}

fn text(mut answer: Response<Body>) -> String {
    let text = answer.body_mut().read_to_string();
    text.unwrap_or_default().trim().to_owned()
}
