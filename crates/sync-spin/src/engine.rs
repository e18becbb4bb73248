//! The engine of a component, from its settings file and its variables.

use std::collections::BTreeMap;
use std::rc::Rc;

use sync_core::{
    Engine, RustAdapters, Secret, SessionKey, Settings, SettingsError, SettingsFile, StoreError,
};

use crate::{SpinPorts, variable};

/// Where `spin.toml` mounts the settings file.
const SETTINGS_FILE: &str = "/rhosync.toml";

/// Why a component has no engine.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The settings file or a variable is wrong, and stays so.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The store failed; that may pass.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a component's engine together.
///
/// # Errors
/// See [`LoadError`].
pub async fn load_engine() -> Result<Engine<SpinPorts>, LoadError> {
    let (settings, [redis_url, session_secret, administrator_password]) =
        settings_and_variables().await?;
    let ports = SpinPorts::new(redis_url);
    let key = SessionKey::load(&ports, &Secret::new(session_secret)).await?;
    Ok(Engine::new(
        Rc::new(ports),
        settings,
        &RustAdapters::new(),
        key,
        Secret::new(administrator_password),
    )?)
}

async fn settings_and_variables() -> Result<(Settings, [String; 3]), SettingsError> {
    let wrong = |file: &str, key: &str, reason: String| SettingsError {
        file: file.to_owned(),
        key: key.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(SETTINGS_FILE)
        .map_err(|error| wrong(SETTINGS_FILE, "(file)", format!("cannot be read: {error}")))?;
    let file = SettingsFile::parse("rhosync.toml", &text)?;
    let mut values = BTreeMap::new();
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
