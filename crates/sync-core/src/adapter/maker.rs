//! Makes sources' adapters, as the settings name them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::adapter::{
    Adapter, AdapterSecrets, NoAppServerAdapter, PluginAdapter, PushOnlyAdapter, RestAdapter,
    SqlAdapter,
};
use crate::model::SourceName;
use crate::ports::Ports;
use crate::settings::{AdapterSettings, PluginSettings, SettingsError};

/// Adapters that are compiled in, by the name the settings file calls them.
pub type RustAdapters = BTreeMap<String, Rc<dyn Adapter>>;

/// Makes the adapters of an engine's sources.
pub trait AdapterMaker<P> {
    /// Makes a source's adapter, which asks the back end itself: nothing counts its calls, and no circuit guards it.
    ///
    /// # Errors
    /// When the settings name a Rust adapter that there is not.
    fn make(
        &self,
        ports: &Rc<P>,
        source: &SourceName,
        settings: &AdapterSettings,
        secrets: &AdapterSecrets,
    ) -> Result<Rc<dyn Adapter>, SettingsError>;

    /// Makes the adapter of sources that are not in the settings file, whose back end is the app server at `url`.
    fn make_for_app_server(
        &self,
        ports: &Rc<P>,
        secrets: &AdapterSecrets,
        url: Option<&str>,
    ) -> Rc<dyn Adapter>;
}

/// All there are, and these that are compiled in.
impl<P: Ports> AdapterMaker<P> for RustAdapters {
    fn make(
        &self,
        ports: &Rc<P>,
        source: &SourceName,
        settings: &AdapterSettings,
        secrets: &AdapterSecrets,
    ) -> Result<Rc<dyn Adapter>, SettingsError> {
        Ok(match settings {
            AdapterSettings::Rest(rest) => {
                Rc::new(RestAdapter::new(Rc::clone(ports), secrets, (**rest).clone()))
            }
            AdapterSettings::Sql(sql) => {
                Rc::new(SqlAdapter::new(Rc::clone(ports), (**sql).clone()))
            }
            AdapterSettings::Plugin(plugin) => Rc::new(PluginAdapter::new(
                Rc::clone(ports),
                secrets,
                (**plugin).clone(),
            )),
            AdapterSettings::PushOnly => Rc::new(PushOnlyAdapter::new(Rc::clone(ports))),
            AdapterSettings::Rust(adapter) => {
                Rc::clone(self.get(adapter).ok_or_else(|| SettingsError {
                    file: "rhosync.toml".to_owned(),
                    key: format!("sources.{source}.rust"),
                    reason: format!(
                        "no adapter is registered as {adapter:?}; see \"Adapters in Rust\" in docs/settings.md"
                    ),
                })?)
            }
            AdapterSettings::AppServer { url } => {
                self.make_for_app_server(ports, secrets, url.as_deref())
            }
        })
    }

    fn make_for_app_server(
        &self,
        ports: &Rc<P>,
        secrets: &AdapterSecrets,
        url: Option<&str>,
    ) -> Rc<dyn Adapter> {
        let Some(url) = url else {
            return Rc::new(NoAppServerAdapter);
        };
        let settings = PluginSettings::of_app_server(url.to_owned());
        Rc::new(PluginAdapter::new(Rc::clone(ports), secrets, settings))
    }
}

/// For an engine that only works on what is stored. It takes the place of [`RustAdapters`], so that a component that calls no
/// back end does not have the code of all adapters in it.
#[derive(Debug, Clone, Copy)]
pub struct NoBackEnds;

impl<P: Ports> AdapterMaker<P> for NoBackEnds {
    fn make(
        &self,
        ports: &Rc<P>,
        _: &SourceName,
        _: &AdapterSettings,
        _: &AdapterSecrets,
    ) -> Result<Rc<dyn Adapter>, SettingsError> {
        Ok(Rc::new(PushOnlyAdapter::new(Rc::clone(ports))))
    }

    fn make_for_app_server(
        &self,
        _: &Rc<P>,
        _: &AdapterSecrets,
        _: Option<&str>,
    ) -> Rc<dyn Adapter> {
        Rc::new(NoAppServerAdapter)
    }
}
