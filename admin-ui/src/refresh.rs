//! When to ask the server again.

use std::time::Duration;

use leptos::prelude::*;

/// Rings every so often while somebody can see the page, and whenever asked to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refresh(RwSignal<u32>);

impl Refresh {
    /// Rings at this interval while the page is visible, and at once when it comes back into view.
    ///
    /// It stops when the component that calls this goes away.
    pub(crate) fn every(interval: Duration) -> Self {
        let refresh = Self(RwSignal::new(0));
        let hidden = RwSignal::new(document().hidden());
        let listener = window_event_listener_untyped("visibilitychange", move |_| {
            hidden.set(document().hidden());
        });
        on_cleanup(move || listener.remove());

        Effect::new(move |shown_before: Option<bool>| {
            let was_hidden = shown_before == Some(false);
            if hidden.get() {
                return false;
            }
            if was_hidden {
                refresh.now();
            }
            match set_interval_with_handle(move || refresh.now(), interval) {
                Ok(handle) => on_cleanup(move || handle.clear()),
                Err(error) => leptos::logging::error!("no automatic refresh: {error:?}"),
            }
            true
        });
        refresh
    }

    /// Rings now.
    pub(crate) fn now(self) {
        self.0.update(|rings| *rings = rings.wrapping_add(1));
    }

    /// Makes what calls this run again when it rings.
    pub(crate) fn track(self) {
        self.0.track();
    }
}
