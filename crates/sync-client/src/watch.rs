//! Live queries: who wants to know of changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Is told when something may be to be seen that was not before.
pub trait ChangeListener: Send + Sync {
    /// These sources have changed. It is called after each transaction, on the thread that made it: return soon, and ask the
    /// database again.
    fn changed(&self, sources: Vec<String>);
}

/// All that watch.
#[derive(Default)]
pub(crate) struct Watchers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    all: BTreeMap<u64, (BTreeSet<String>, Arc<dyn ChangeListener>)>,
}

impl Watchers {
    /// Begins to tell of some sources, or of all if none is named.
    pub(crate) fn add(&self, sources: Vec<String>, listener: Arc<dyn ChangeListener>) -> u64 {
        let mut state = self.lock();
        state.last += 1;
        let number = state.last;
        let watcher = (sources.into_iter().collect(), listener);
        state.all.insert(number, watcher);
        number
    }

    pub(crate) fn remove(&self, number: u64) {
        self.lock().all.remove(&number);
    }

    /// Tells those whom it concerns. They may watch and stop to watch meanwhile.
    pub(crate) fn tell(&self, touched: &BTreeSet<String>) {
        if touched.is_empty() {
            return;
        }
        let concerned: Vec<(Vec<String>, Arc<dyn ChangeListener>)> = {
            let state = self.lock();
            let all = state.all.values();
            all.filter_map(|(wanted, listener)| {
                let of_them = touched.iter();
                let of_them: Vec<String> = of_them
                    .filter(|name| wanted.is_empty() || wanted.contains(*name))
                    .cloned()
                    .collect();
                (!of_them.is_empty()).then(|| (of_them, Arc::clone(listener)))
            })
            .collect()
        };
        for (sources, listener) in concerned {
            listener.changed(sources);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
