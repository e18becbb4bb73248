//! Adapters as the settings name them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::adapter::{
    Adapter, NoAppServerAdapter, PluginAdapter, PushOnlyAdapter, RestAdapter, ServerToken,
    SqlAdapter,
};
use crate::model::SourceName;
use crate::ports::Ports;
use crate::settings::{AdapterSettings, PluginSettings, SettingsError};

/// Adapters that are compiled in, by the name the settings file calls them.
pub type RustAdapters = BTreeMap<String, Rc<dyn Adapter>>;

/// Makes a source's adapter, which asks the back end itself: nothing counts its calls, and no circuit guards it.
///
/// # Errors
/// When the settings name a Rust adapter that is not among `rust_adapters`.
pub fn make_adapter<P: Ports>(
    ports: &Rc<P>,
    source: &SourceName,
    settings: &AdapterSettings,
    rust_adapters: &RustAdapters,
    token: Rc<dyn ServerToken>,
) -> Result<Rc<dyn Adapter>, SettingsError> {
    Ok(match settings {
        AdapterSettings::Rest(rest) => {
            Rc::new(RestAdapter::new(Rc::clone(ports), (**rest).clone()))
        }
        AdapterSettings::Sql(sql) => Rc::new(SqlAdapter::new(Rc::clone(ports), (**sql).clone())),
        AdapterSettings::Plugin(plugin) => Rc::new(PluginAdapter::new(
            Rc::clone(ports),
            token,
            (**plugin).clone(),
        )),
        AdapterSettings::PushOnly => Rc::new(PushOnlyAdapter::new(Rc::clone(ports))),
        AdapterSettings::Rust(adapter) => {
            Rc::clone(rust_adapters.get(adapter).ok_or_else(|| SettingsError {
                file: "rhosync.toml".to_owned(),
                key: format!("sources.{source}.rust"),
                reason: format!(
                    "no adapter is registered as {adapter:?}; see \"Adapters in Rust\" in docs/settings.md"
                ),
            })?)
        }
        AdapterSettings::AppServer { url } => app_server_adapter(ports, token, url.as_deref()),
    })
}

/// The back end of sources that are not in the settings file.
pub(crate) fn app_server_adapter<P: Ports>(
    ports: &Rc<P>,
    token: Rc<dyn ServerToken>,
    url: Option<&str>,
) -> Rc<dyn Adapter> {
    let Some(url) = url else {
        return Rc::new(NoAppServerAdapter);
    };
    let settings = PluginSettings::of_app_server(url.to_owned());
    Rc::new(PluginAdapter::new(Rc::clone(ports), token, settings))
}
