//! What a component works with, from its settings file and its variables.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use sync_core::{
    Accounts, AdapterMaker, Engine, Live, NoBackEnds, PingContext, RustAdapters, Secret,
    SessionKey, Settings, SettingsError, SettingsFile, SettingsPart, StoreError,
};
use sync_redis::{Random as _, StorePorts as _};

use crate::waiting_redis::WaitingRedis;
use crate::{SpinPorts, variable};

/// Where `spin.toml` mounts the settings file.
const SETTINGS_FILE: &str = "/rhosync.toml";

/// The variables of a component that have nothing to do with the file.
const REDIS_URL: &str = "redis_url";
const ADMIN_PASSWORD: &str = "admin_password";
const SESSION_SECRET: &str = "session_secret";

/// Why a component has nothing to work with.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The settings file or a variable is wrong, and stays so.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The store failed; that may pass.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The engine of the component that devices and administrators talk to.
///
/// # Errors
/// See [`LoadError`].
pub async fn load_server(adapters: RustAdapters) -> Result<Engine<SpinPorts>, LoadError> {
    let parts = [
        SettingsPart::SignIn,
        SettingsPart::BackEnds,
        SettingsPart::BlobStore,
    ];
    let (ports, mut settings) = load(&parts).await?;
    let secret = own_variable(SESSION_SECRET).await?.unwrap_or_default();
    let password = own_variable(ADMIN_PASSWORD).await?.unwrap_or_default();
    settings.note_variable(SESSION_SECRET, &secret, true);
    settings.note_variable(ADMIN_PASSWORD, &password, true);
    let key = SessionKey::load(&ports, &Secret::new(secret)).await?;
    let engine = put_together(ports, settings, Rc::new(adapters), key, password)?;
    // Whoever has started the server finds the password in its log before they try to sign in.
    if let Err(error) = engine.accounts().ensure_administrator().await {
        tracing::warn!(%error, "the first administrator could not be made; that is tried again when they sign in");
    }
    Ok(engine)
}

/// The engine of the component whose jobs call back ends. Nobody signs in there, but back ends get a token that is made with
/// the key of sessions.
///
/// # Errors
/// See [`LoadError`].
pub async fn load_back_ends(adapters: RustAdapters) -> Result<Engine<SpinPorts>, LoadError> {
    let (ports, settings) = load(&[SettingsPart::BackEnds]).await?;
    let secret = own_variable(SESSION_SECRET).await?.unwrap_or_default();
    let key = SessionKey::load(&ports, &Secret::new(secret)).await?;
    put_together(ports, settings, Rc::new(adapters), key, String::new())
}

/// The engine of a component whose jobs work on what is stored: no back end is called there, nobody signs in, and it needs
/// no secret.
///
/// # Errors
/// See [`LoadError`].
pub async fn load_documents() -> Result<Engine<SpinPorts>, LoadError> {
    let (ports, settings) = load(&[SettingsPart::BlobStore]).await?;
    // It signs nothing that anybody gets.
    let key = SessionKey::new(&ports.random().hex::<32>());
    put_together(ports, settings, Rc::new(NoBackEnds), key, String::new())
}

/// What the component with the event streams works with.
pub struct LiveServer {
    /// The streams.
    pub live: Live<SpinPorts>,
    /// The settings.
    pub settings: Settings,
    /// The connection over which is waited for news.
    pub waiting: WaitingRedis,
}

/// What the component with the event streams works with: no back end is called there, and nobody signs in.
///
/// # Errors
/// See [`LoadError`].
pub async fn load_live() -> Result<LiveServer, LoadError> {
    let (ports, settings) = load(&[]).await?;
    let secret = own_variable(SESSION_SECRET).await?.unwrap_or_default();
    let key = SessionKey::load(&ports, &Secret::new(secret)).await?;
    let waiting = WaitingRedis::beside(ports.redis());
    let ports = Rc::new(ports);
    let nothing = Secret::new(String::new());
    let accounts = Accounts::new(&ports, &settings.authentication, key, nothing);
    let live = Live::new(ports, accounts);
    Ok(LiveServer {
        live,
        settings,
        waiting,
    })
}

/// What the component that wakes devices works with.
///
/// # Errors
/// See [`LoadError`].
pub async fn load_pings() -> Result<PingContext<SpinPorts>, LoadError> {
    let (ports, settings) = load(&[SettingsPart::PushServices]).await?;
    Ok(PingContext::new(Rc::new(ports), settings))
}

fn put_together(
    ports: SpinPorts,
    settings: Settings,
    adapters: Rc<dyn AdapterMaker<SpinPorts>>,
    key: SessionKey,
    administrator_password: String,
) -> Result<Engine<SpinPorts>, LoadError> {
    let password = Secret::new(administrator_password);
    let engine = Engine::new(Rc::new(ports), settings, adapters, key, password)?;
    Ok(engine)
}

/// The ports, and the parts of the settings that a component uses.
async fn load(parts: &[SettingsPart]) -> Result<(SpinPorts, Settings), SettingsError> {
    let text = std::fs::read_to_string(SETTINGS_FILE)
        .map_err(|error| wrong(SETTINGS_FILE, "(file)", format!("cannot be read: {error}")))?;
    let file = SettingsFile::parse("rhosync.toml", &text)?.only(parts);
    let mut values = BTreeMap::new();
    for name in file.variables() {
        if let Some(value) = own_variable(name).await? {
            values.insert(name.to_owned(), value);
        }
    }
    let mut settings = file.resolve(|name| values.get(name).cloned())?;
    let redis_url = own_variable(REDIS_URL).await?;
    let redis_url = redis_url.ok_or_else(|| {
        let reason = "the component has no such variable".to_owned();
        wrong("spin.toml", REDIS_URL, reason)
    })?;
    settings.note_variable(REDIS_URL, &redis_url, false);
    let limit = Duration::from_millis(settings.redis_timeout_ms);
    Ok((SpinPorts::new(redis_url, limit), settings))
}

async fn own_variable(name: &str) -> Result<Option<String>, SettingsError> {
    let value = variable(name).await;
    value.map_err(|reason| wrong("spin.toml", name, reason))
}

fn wrong(file: &str, key: &str, reason: String) -> SettingsError {
    SettingsError {
        file: file.to_owned(),
        key: key.to_owned(),
        reason,
    }
}
