//! The server that is tested: one of the suite's own, or another that speaks the protocol.

use std::env;
use std::sync::{Mutex, OnceLock};

use http::Method;
use serde_json::json;
use test_support::{ADMIN_PASSWORD, Admin, Deployment, Options, Rest, text_of};

/// Pings wait long enough to be looked at.
const SETTINGS: &str = "[ping]\nwindow_seconds = 600";

/// Address of another server, `http://127.0.0.1:9292`.
const URL: &str = "RHOSYNC_CONFORMANCE_URL";
/// Password of its administrator.
const PASSWORD: &str = "RHOSYNC_CONFORMANCE_ADMIN_PASSWORD";
/// Address of the scripted plugin that its sources `Probe`, `ProbeApp`, `Pass` and `Blob` use.
const PLUGIN: &str = "RHOSYNC_CONFORMANCE_PLUGIN_URL";

/// The server. It starts when the first case asks.
#[derive(Default)]
pub(crate) struct Server {
    started: OnceLock<Started>,
}

/// Where everything is.
pub(crate) struct Started {
    pub(crate) url: String,
    pub(crate) plugin_url: String,
    pub(crate) admin_password: String,
    /// Token of the old REST API.
    pub(crate) admin_token: String,
    bearer: OnceLock<String>,
    _deployment: Option<Mutex<Deployment>>,
}

impl Server {
    pub(crate) fn get(&self) -> &Started {
        self.started.get_or_init(Started::new)
    }
}

impl Started {
    fn new() -> Self {
        let (url, plugin_url, admin_password, deployment) = if let Ok(url) = env::var(URL) {
            let password = env::var(PASSWORD).expect("RHOSYNC_CONFORMANCE_ADMIN_PASSWORD");
            (url, env::var(PLUGIN).unwrap_or_default(), password, None)
        } else {
            let deployment = Deployment::start(Options {
                settings: SETTINGS,
                ..Options::default()
            });
            let (url, plugin_url) = (deployment.url(), deployment.plugin().url());
            (
                url,
                plugin_url,
                ADMIN_PASSWORD.to_owned(),
                Some(Mutex::new(deployment)),
            )
        };
        let body = json!({"login": "rhoadmin", "password": admin_password}).to_string();
        let answer = Rest::json(&url).send(Method::POST, "/rc/v1/system/login", body);
        assert!(
            answer.status().is_success(),
            "the administrator cannot log in: {}",
            text_of(&answer)
        );
        Self {
            admin_token: text_of(&answer),
            url,
            plugin_url,
            admin_password,
            bearer: OnceLock::new(),
            _deployment: deployment,
        }
    }

    /// `Authorization` of `/api/v1`, good for everything.
    pub(crate) fn bearer(&self) -> &str {
        self.bearer.get_or_init(|| {
            let token = Admin::new_token(&self.url, &self.admin_password);
            format!("Bearer {token}")
        })
    }
}
