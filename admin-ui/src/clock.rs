//! What time it is: for the server.

use std::cell::Cell;
use std::time::Duration;

use js_sys::Date;
use leptos::prelude::*;

/// How often times that are shown as "8 s ago" move on.
const TICK: Duration = Duration::from_secs(5);

/// Clocks that differ by less than this agree: the server tells whole seconds, and the answer takes its time.
const TOLERANCE_MS: f64 = 3_000.0;

thread_local! {
    /// How far the server's clock is ahead of the browser's, in milliseconds.
    static AHEAD: Cell<f64> = const { Cell::new(0.0) };
}

/// The time, moving on while the page is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(RwSignal<u64>);

impl Clock {
    pub(crate) fn provide() {
        let clock = Self(RwSignal::new(now()));
        let tick = move || {
            if !document().hidden() {
                clock.0.set(now());
            }
        };
        if let Ok(handle) = set_interval_with_handle(tick, TICK) {
            on_cleanup(move || handle.clear());
        }
        provide_context(clock);
    }

    pub(crate) fn get() -> Self {
        expect_context()
    }

    /// The time, and again whenever it has moved on; never before `at`, which is past.
    pub(crate) fn now(self) -> u64 {
        self.0.get()
    }
}

/// The server's time in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    (Date::now() + AHEAD.get()).max(0.0) as u64
}

/// Takes in the `Date` of an answer.
pub(crate) fn note_server_time(header: &str) {
    let told = Date::parse(header);
    let ahead = told - Date::now();
    if told.is_finite() && (ahead - AHEAD.get()).abs() > TOLERANCE_MS {
        AHEAD.set(ahead);
    }
}

/// Date and time as the user writes them.
pub(crate) fn local(at: u64) -> String {
    let date = Date::new(&(at as f64).into());
    String::from(date.to_locale_string("default", &wasm_bindgen::JsValue::UNDEFINED))
}

/// Hour and minute.
pub(crate) fn local_minute(at: u64) -> String {
    let date = Date::new(&(at as f64).into());
    format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
}

/// Day and month, as numbers, for axes of days.
pub(crate) fn local_day(at: u64) -> String {
    let date = Date::new(&(at as f64).into());
    format!(
        "{}-{:02}-{:02}",
        date.get_full_year(),
        date.get_month() + 1,
        date.get_date()
    )
}

/// Date and time for programs (ISO 8601).
pub(crate) fn iso(at: u64) -> String {
    String::from(Date::new(&(at as f64).into()).to_iso_string())
}
