//! What a database and its conversations have in common.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_device::backoff_ms;
use sync_store::Store;

use crate::following::Following;
use crate::options::DeviceOptions;
use crate::platform::{Platform, random_number};
use crate::report::{Ended, SyncReport};
use crate::watch::Watchers;

/// What a database and its conversations have in common.
pub(crate) struct Shared {
    store: Mutex<Store>,
    pub(crate) watchers: Watchers,
    pub(crate) following: Following,
    pub(crate) server: String,
    /// Most bytes of files that are kept here.
    pub(crate) file_quota: u64,
    pub(crate) device: DeviceOptions,
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) cancellations: AtomicU64,
    /// Syncs that failed in a row.
    pub(crate) failures: AtomicU32,
    last: Mutex<Option<Ended>>,
}

impl Shared {
    pub(crate) fn new(
        store: Store,
        server: &str,
        file_quota: u64,
        device: DeviceOptions,
        platform: Arc<dyn Platform>,
    ) -> Self {
        Self {
            store: Mutex::new(store),
            watchers: Watchers::default(),
            following: Following::default(),
            server: server.trim_end_matches('/').to_owned(),
            file_quota,
            device,
            platform,
            cancellations: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            last: Mutex::new(None),
        }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells who watches of what has changed.
    pub(crate) fn tell(&self) {
        let touched = self.store().take_touched();
        self.watchers.tell(&touched);
    }

    /// How long to wait after a failure: as the server says, or else ever longer.
    pub(crate) fn wait_ms(&self, after: Option<u64>) -> u64 {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        match after {
            Some(seconds) => self.spread_ms(seconds),
            None => backoff_ms(failures, random_number(self.platform.as_ref())),
        }
    }

    /// So many seconds and up to a tenth more, so that devices do not come all at once.
    pub(crate) fn spread_ms(&self, seconds: u64) -> u64 {
        let ms = seconds.saturating_mul(1_000);
        ms + random_number(self.platform.as_ref()) % (ms / 10 + 1)
    }

    pub(crate) fn note_end(&self, report: &SyncReport) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.ended.clone());
    }

    pub(crate) fn last_end(&self) -> Option<Ended> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}
