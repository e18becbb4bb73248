//! The sync engine: what devices, administrators and back ends ask of the server.

mod binding;
mod blobs;
mod bulk_data;
mod by_jobs;
mod carrying;
mod change_id;
mod change_list;
mod changes;
mod circuits;
mod client_changes;
mod client_list;
mod client_sources;
mod clients;
mod collecting;
mod combined;
mod comparison;
mod conflicts;
mod copies;
mod describe;
mod device_changes;
mod device_sessions;
mod device_sync;
mod documents;
mod dynamic_sources;
mod error;
mod feed;
mod health;
mod heard;
mod held;
mod hooks;
mod images;
mod metered;
mod narrowed;
mod overview;
mod page;
mod parameters;
mod partitions;
mod pass_through;
mod pings;
mod pull;
mod reading;
mod refresh;
mod refused_changes;
mod registry;
mod reset;
mod search;
mod subscriptions;
mod undelivered;
mod unknown_source;
mod users;
mod verdict;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::account::{Accounts, SessionKey};
use crate::adapter::{Adapter, AdapterMaker, Call};
use crate::blob::Blobs;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::model::{DocumentId, PartitionName, SourceName, UserId};
use crate::ports::{Clock as _, Ports};
use crate::settings::{Secret, Settings, SettingsError, SourceSettings};
use crate::store::Document;
use crate::trace::TraceContext;
pub(crate) use by_jobs::StillWaiting;
use circuits::{Circuits, GuardedAdapter};
pub(crate) use collecting::Collected;
use device_sync::{SharedHeads, SharedHints};
use metered::MeteredAdapter;
pub(crate) use refresh::RefreshOutcome;
use registry::{FoundSource, RegistryCache};
pub(crate) use subscriptions::SubscriptionError;

pub use blobs::BlobReader;
pub use bulk_data::{
    BulkBegin, BulkCopy, BulkDataAnswer, BulkDataRequest, BulkDownload, BulkForm, BulkObjects,
    BulkScan, BulkSource, BulkStep, BulkWriter,
};
pub use change_list::{ChangePage, ChangeQuery};
pub use changes::{AcceptedChanges, ChangesRequest, Insurance};
pub use client_list::{ClientPage, ClientQuery};
pub use clients::{ClientDetails, ClientPush};
pub use comparison::DifferencePage;
pub use copies::{CopyOf, CopyPage};
pub use device_changes::ChangeOutcome;
pub use device_sessions::DeviceProof;
pub use device_sync::{DeviceSearchRequest, NewsRequest, SentChanges, TakenChanges, VerifyRequest};
pub use documents::{ClientState, DocumentDetails, LogPlace, ObjectPage};
pub use dynamic_sources::MAX_DYNAMIC_SOURCES;
pub use error::SyncError;
pub use feed::{FeedError, ObjectPatch};
pub use hooks::{HandedBy, HookError};
pub use images::{ImageBegin, ImageScan};
pub use overview::queue_info;
pub use pings::{PingTargets, TakenPing};
pub use pull::{DEFAULT_PAGE_SIZE, PullRequest};
pub use registry::{SourceChange, SourceInfo};
pub use search::SearchRequest;

/// The sync engine. Keeps nothing of a request: an instance serves many, some at once.
pub struct Engine<P> {
    pub(crate) ports: Rc<P>,
    settings: Settings,
    accounts: Accounts<P>,
    blobs: Blobs<P>,
    metrics: Metrics<P>,
    memory: Memory,
    adapters: BTreeMap<SourceName, Rc<dyn Adapter>>,
    maker: Rc<dyn AdapterMaker<P>>,
    circuits: Rc<Circuits<P>>,
    registry: RegistryCache,
    heads: SharedHeads,
    hints: SharedHints,
}

/// A source as the engine works with it while it answers one request.
#[derive(Clone, Copy)]
struct Source<'a> {
    name: &'a SourceName,
    settings: &'a SourceSettings,
    adapter: &'a dyn Adapter,
    /// What ties the calls of the adapter to the request that is answered.
    trace: Option<&'a TraceContext>,
}

impl<'a> Source<'a> {
    /// The source for a request that belongs to a trace.
    fn traced(self, trace: Option<&'a TraceContext>) -> Self {
        Self { trace, ..self }
    }
}

impl<P: Ports> Engine<P> {
    /// Puts an engine together.
    ///
    /// `administrator_password` is the one the administrator gets at the first start; empty: one is made.
    ///
    /// # Errors
    /// When the settings name a Rust adapter that `maker` does not have, and when passwords would be kept where whoever reads the
    /// store can read them.
    pub fn new(
        ports: Rc<P>,
        settings: Settings,
        maker: Rc<dyn AdapterMaker<P>>,
        sessions: SessionKey,
        administrator_password: Secret,
    ) -> Result<Self, SettingsError> {
        let accounts = Accounts::new(
            &ports,
            &settings.authentication,
            sessions,
            administrator_password,
        );
        let mut sources = settings.sources.iter();
        let accounts = match sources.find(|(_, source)| source.adapter.asks_as_user()) {
            None => accounts,
            Some((name, _)) => accounts.keeping_credentials().ok_or_else(|| SettingsError {
                file: "spin.toml".to_owned(),
                key: "session_secret".to_owned(),
                reason: format!(
                    "has no value: whoever reads the store could read the passwords that are kept for sources.{name}"
                ),
            })?,
        };
        let metrics = Metrics::new(Rc::clone(&ports), settings.stats);
        let memory = Memory::of_instance(settings.instance_memory_bytes);
        let blobs = Blobs::new(&ports, settings.blobs.clone(), &memory);
        let circuits = Rc::new(Circuits::new(&ports));
        let secrets = accounts.adapter_secrets();
        let adapters = settings
            .sources
            .iter()
            .map(|(name, source)| {
                let adapter = maker.make(&ports, name, &source.adapter, &secrets)?;
                let guarded = Rc::new(GuardedAdapter::new(adapter, &circuits));
                let metered: Rc<dyn Adapter> =
                    Rc::new(MeteredAdapter::new(guarded, &ports, metrics.meter()));
                Ok((name.clone(), metered))
            })
            .collect::<Result<_, SettingsError>>()?;
        Ok(Self {
            ports,
            settings,
            accounts,
            blobs,
            metrics,
            memory,
            adapters,
            maker,
            circuits,
            registry: RegistryCache::default(),
            heads: SharedHeads::default(),
            hints: SharedHints::default(),
        })
    }

    /// Who may do what.
    pub fn accounts(&self) -> &Accounts<P> {
        &self.accounts
    }

    /// The files of objects.
    pub fn blobs(&self) -> &Blobs<P> {
        &self.blobs
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics<P> {
        &self.metrics
    }

    /// What requests may hold in memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The world.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// Lets others have their turn: for work that computes for long without waiting for anything.
    pub async fn pause(&self) {
        self.ports.clock().sleep(std::time::Duration::ZERO).await;
    }

    /// A call to the adapter that changes nothing in the back end.
    fn question<'a>(
        &'a self,
        source: Source<'a>,
        user: &'a UserId,
        partition: Option<&'a PartitionName>,
        parameters: &'a [(String, String)],
    ) -> Call<'a> {
        Call {
            source: source.name,
            user,
            partition: partition.map(PartitionName::as_str),
            client: None,
            idempotency_key: "",
            parameters,
            before: None,
            blobs: &self.blobs,
            memory: &self.memory,
            trace: source.trace,
        }
    }

    fn document<'a>(&'a self, id: &'a DocumentId) -> Document<'a, P::Redis> {
        Document::new(self.ports.redis(), id)
    }
}
