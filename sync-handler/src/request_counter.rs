//! Counts a request: how it was answered, and how long that took.

use std::time::Duration;

use http::{Method, StatusCode};
use sync_core::{AskedBy, Clock as _, Engine, Ports, RequestOutcome};

use crate::error::HttpError;
use crate::router::RouteMatch;

/// The route of requests for what is not there.
const UNMATCHED: &str = "unmatched";

/// A request that is being answered.
pub(crate) struct RequestCounter<'a, P> {
    engine: &'a Engine<P>,
    method: &'static str,
    route: &'static str,
    who_logs_in: Option<&'static str>,
    asked_by: AskedBy,
    began: Duration,
}

impl<'a, P: Ports> RequestCounter<'a, P> {
    /// Without an engine there is nothing to count with.
    pub(crate) fn begin(
        engine: Option<&'a Engine<P>>,
        method: &Method,
        found: &Result<RouteMatch, HttpError>,
    ) -> Option<Self> {
        let engine = engine?;
        let found = found.as_ref().ok();
        Some(Self {
            engine,
            method: name(method),
            route: found.map_or(UNMATCHED, |found| found.template),
            who_logs_in: found.and_then(|found| found.route.who_logs_in()),
            asked_by: found.map_or(AskedBy::Other, |found| found.route.asked_by()),
            began: engine.ports().clock().monotonic(),
        })
    }

    pub(crate) fn end(self, status: StatusCode) {
        let Self {
            engine,
            method,
            route,
            who_logs_in,
            asked_by,
            began,
        } = self;
        let meter = engine.metrics().meter();
        meter.request(RequestOutcome {
            method,
            route,
            status: status.as_u16(),
            took: engine.ports().clock().monotonic().saturating_sub(began),
            asked_by,
        });
        if let Some(who) = who_logs_in {
            meter.login(who, outcome(status));
        }
    }
}

/// The method; those that nobody has heard of are one, or they would be without number.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// What became of a login.
fn outcome(status: StatusCode) -> &'static str {
    match status {
        StatusCode::TOO_MANY_REQUESTS => "limited",
        status if status.is_success() => "ok",
        status if status.is_client_error() => "refused",
        _ => "failed",
    }
}
