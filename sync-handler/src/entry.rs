//! The way in from Spin.

use std::cell::RefCell;
use std::rc::Rc;

use spin_sdk::http::{Request, Response};
use spin_sdk::http_service;
use spin_sdk::wasip3::spawn;
use sync_core::{Engine, RustAdapters, Secret, SessionKey, SettingsError, SettingsFile};
use sync_spin::{SpinPorts, variable};

use crate::error::HttpError;
use crate::{App, Body, respond};

/// Where `spin.toml` mounts the settings file.
const SETTINGS_FILE: &str = "/rhosync.toml";

thread_local! {
    /// Built by the first request of this instance: settings and keys do not change while it lives.
    static APP: RefCell<Option<Rc<App<SpinPorts>>>> = const { RefCell::new(None) };
}

#[http_service]
async fn handle(request: Request) -> Response<Body> {
    match app().await {
        Ok(app) => {
            let answer = app.handle(request).await;
            if app.must_flush() {
                // Goes on when the answer is out; the host keeps the instance until it is done.
                spawn(async move { app.flush_soon().await });
            }
            answer
        }
        Err(error) => {
            let mut response = respond::error(&error).map(Body::from);
            respond::finish(&mut response);
            response
        }
    }
}

/// The server of this instance. One that could not be built for a reason that may pass is not kept.
async fn app() -> Result<Rc<App<SpinPorts>>, HttpError> {
    if let Some(app) = APP.with_borrow(Clone::clone) {
        return Ok(app);
    }
    sync_spin::start_log(tracing::Level::INFO);
    let app = Rc::new(build().await?);
    APP.set(Some(Rc::clone(&app)));
    Ok(app)
}

async fn build() -> Result<App<SpinPorts>, HttpError> {
    match settings_and_variables().await {
        Err(error) => Ok(App::with_wrong_settings(error)),
        Ok((settings, [redis_url, session_secret, administrator_password])) => {
            let ports = SpinPorts::new(redis_url);
            let key = SessionKey::load(&ports, &Secret::new(session_secret))
                .await
                .map_err(|error| HttpError::Sync(error.into()))?;
            let engine = Engine::new(
                Rc::new(ports),
                settings,
                &RustAdapters::new(),
                key,
                Secret::new(administrator_password),
            );
            Ok(engine.map_or_else(App::with_wrong_settings, App::new))
        }
    }
}

async fn settings_and_variables() -> Result<(sync_core::Settings, [String; 3]), SettingsError> {
    let wrong = |file: &str, key: &str, reason: String| SettingsError {
        file: file.to_owned(),
        key: key.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(SETTINGS_FILE)
        .map_err(|error| wrong(SETTINGS_FILE, "(file)", format!("cannot be read: {error}")))?;
    let file = SettingsFile::parse("rhosync.toml", &text)?;
    let mut values = std::collections::BTreeMap::new();
    for name in file.variables() {
        if let Some(value) = variable(name)
            .await
            .map_err(|reason| wrong("spin.toml", name, reason))?
        {
            values.insert(name.to_owned(), value);
        }
    }
    let settings = file.resolve(|name| values.get(name).cloned())?;
    let mut own = <[String; 3]>::default();
    for (value, name) in own
        .iter_mut()
        .zip(["redis_url", "session_secret", "admin_password"])
    {
        *value = variable(name)
            .await
            .map_err(|reason| wrong("spin.toml", name, reason))?
            .ok_or_else(|| {
                wrong(
                    "spin.toml",
                    name,
                    "the component has no such variable".to_owned(),
                )
            })?;
    }
    Ok((settings, own))
}
