//! Selects which of a manifest's components run, and checks that they can run without the others.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};

use crate::manifest::Manifest;
use crate::state::Component;

/// Which components run, by their triggers.
pub(crate) struct Selection {
    all: BTreeSet<String>,
    pub(crate) http: BTreeSet<String>,
    pub(crate) redis: BTreeSet<String>,
    pub(crate) is_partial: bool,
}

impl Selection {
    pub(crate) fn new(manifest: &Manifest, only: &BTreeSet<String>) -> Result<Self> {
        if let Some(id) = only
            .iter()
            .find(|id| !manifest.components.contains_key(*id))
        {
            bail!(
                "--component {id}: the manifest has {:?}",
                manifest.components.keys().collect::<Vec<_>>()
            );
        }
        let selected = |id: &&String| only.is_empty() || only.contains(*id);
        let http = manifest
            .triggers
            .http
            .iter()
            .filter_map(|trigger| trigger.component.as_ref());
        let redis = manifest
            .triggers
            .redis
            .iter()
            .map(|trigger| &trigger.component);
        Ok(Self {
            all: manifest.components.keys().cloned().collect(),
            http: http.filter(selected).cloned().collect(),
            redis: redis.filter(selected).cloned().collect(),
            is_partial: !only.is_empty(),
        })
    }

    /// Refuses what Spin refuses: calls to components that do not run, and any from a Redis trigger.
    pub(crate) fn check_chaining(&self, component: &Component) -> Result<()> {
        let id = &*component.id;
        for target in component.allowed.chained() {
            let at =
                format!("component.{id}.allowed_outbound_hosts: http://{target}.spin.internal");
            ensure!(
                !self.redis.contains(id),
                "{at}: a component with a Redis trigger cannot call others of its application by that name; \
                 let it use the application's public address"
            );
            match target {
                "*" => ensure!(
                    !self.is_partial,
                    "{at}: not all components run (--component)"
                ),
                _ if !self.all.contains(target) => bail!("{at}: there is no component {target:?}"),
                _ => ensure!(
                    self.http.contains(target),
                    "{at}: component {target:?} has no HTTP trigger that runs"
                ),
            }
        }
        Ok(())
    }
}
