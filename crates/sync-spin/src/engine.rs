//! The engine of a component, from its settings file and its variables.

use std::collections::BTreeMap;
use std::rc::Rc;

use sync_core::{
    Engine, Ports as _, Random as _, RustAdapters, Secret, SessionKey, Settings, SettingsError,
    SettingsFile, SettingsPart, StoreError,
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

/// Puts a component's engine together, with the parts of the settings that it uses.
///
/// # Errors
/// See [`LoadError`].
pub async fn load_engine(parts: &[SettingsPart]) -> Result<Engine<SpinPorts>, LoadError> {
    let settings = load_settings(parts).await?;
    let redis_url = own_variable("redis_url").await?;
    let redis_url = redis_url.ok_or_else(|| {
        let reason = "the component has no such variable".to_owned();
        wrong("spin.toml", "redis_url", reason)
    })?;
    let ports = SpinPorts::new(redis_url);
    let signs_in = parts.contains(&SettingsPart::SignIn);
    // Back ends get a token that is made with the key of sessions.
    let key = if signs_in || parts.contains(&SettingsPart::BackEnds) {
        let configured = own_variable("session_secret").await?.unwrap_or_default();
        SessionKey::load(&ports, &Secret::new(configured)).await?
    } else {
        SessionKey::new(&ports.random().hex::<32>())
    };
    let administrator_password = if signs_in {
        own_variable("admin_password").await?.unwrap_or_default()
    } else {
        String::new()
    };
    Ok(Engine::new(
        Rc::new(ports),
        settings,
        &RustAdapters::new(),
        key,
        Secret::new(administrator_password),
    )?)
}

async fn load_settings(parts: &[SettingsPart]) -> Result<Settings, SettingsError> {
    let text = std::fs::read_to_string(SETTINGS_FILE)
        .map_err(|error| wrong(SETTINGS_FILE, "(file)", format!("cannot be read: {error}")))?;
    let file = SettingsFile::parse("rhosync.toml", &text)?.only(parts);
    let mut values = BTreeMap::new();
    for name in file.variables() {
        if let Some(value) = own_variable(name).await? {
            values.insert(name.to_owned(), value);
        }
    }
    file.resolve(|name| values.get(name).cloned())
}

async fn own_variable(name: &str) -> Result<Option<String>, SettingsError> {
    variable(name)
        .await
        .map_err(|reason| wrong("spin.toml", name, reason))
}

fn wrong(file: &str, key: &str, reason: String) -> SettingsError {
    SettingsError {
        file: file.to_owned(),
        key: key.to_owned(),
        reason,
    }
}
