//! Faults that tests inject: slow answers, errors, answers that get lost, answers that never come.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use fastrand::Rng;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use serde::{Deserialize, Serialize};

use super::Call;
use crate::error::failure;

/// What goes wrong, for which calls, and how often.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    effect: Effect,
    /// Before the call is worked on (default), or after what it wrote is committed (default of `drop`).
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    /// Only calls of this method.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Only calls of this path (`/products/7`), route (`/products/{id}`), or prefix (`/products*`).
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Stop after so many times.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    /// Only this part of the calls, 0 to 1, chosen by a generator started with `seed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(default)]
    seed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Effect {
    /// Take this much longer.
    Delay { ms: u64 },
    /// Answer with this status.
    Error {
        status: u16,
        /// Seconds, for the `Retry-After` header.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// Close the connection instead of answering.
    Drop,
    /// Never answer.
    Hang,
    /// Answer 200 with this body.
    Say { body: String },
    /// Answer the first half of what would be said, and close the connection.
    Half,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    Before,
    After,
}

/// The faults in force, in the order they were set.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Faults(Vec<Active>);

#[derive(Debug, Serialize)]
struct Active {
    #[serde(flatten)]
    fault: Fault,
    fired: u32,
    #[serde(skip)]
    rng: Rng,
}

/// Marks a response that must not be sent: the server closes the connection instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropConnection;

impl Fault {
    /// Says what is wrong with the values, if anything is.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match (&self.effect, self.ratio) {
            (Effect::Error { status, .. }, _) if !(400..=599).contains(status) => {
                Err("an error's status is 400 to 599")
            }
            (_, Some(ratio)) if !(0.0..=1.0).contains(&ratio) => Err("a ratio is 0 to 1"),
            _ => Ok(()),
        }
    }

    fn stage(&self) -> Stage {
        let default = if matches!(self.effect, Effect::Drop | Effect::Half) {
            Stage::After
        } else {
            Stage::Before
        };
        self.stage.unwrap_or(default)
    }

    fn applies_to(&self, call: &Call) -> bool {
        let method = self
            .method
            .as_deref()
            .is_none_or(|method| call.method.as_str().eq_ignore_ascii_case(method));
        let path = self
            .path
            .as_deref()
            .is_none_or(|path| match path.strip_suffix('*') {
                Some(prefix) => call.path.starts_with(prefix),
                None => path == call.path || path == call.pattern,
            });
        method && path
    }
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        let rng = Rng::with_seed(fault.seed);
        self.0.push(Active {
            fault,
            fired: 0,
            rng,
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Decides what befalls `call` now: delays, and at most one effect that ends it.
    pub(super) fn draw(&mut self, stage: Stage, call: &Call) -> Vec<Effect> {
        let mut effects = Vec::new();
        for Active { fault, fired, rng } in &mut self.0 {
            let due = fault.stage() == stage
                && fault.applies_to(call)
                && fault.times.is_none_or(|times| *fired < times)
                && fault.ratio.is_none_or(|ratio| rng.f64() < ratio);
            if !due {
                continue;
            }
            *fired += 1;
            effects.push(fault.effect.clone());
            if !matches!(fault.effect, Effect::Delay { .. }) {
                break;
            }
        }
        effects
    }
}

/// Lets the effects happen, one after another. `None` when the call may go on, or its answer, if there is one, may be sent.
pub(super) async fn suffer(effects: Vec<Effect>, mut answer: Option<Response>) -> Option<Response> {
    for effect in effects {
        match effect {
            Effect::Delay { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            Effect::Error {
                status,
                retry_after,
            } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                let retry_after: Option<[(HeaderName, String); 1]> =
                    retry_after.map(|seconds| [(RETRY_AFTER, seconds.to_string())]);
                return Some((retry_after, failure(status, "injected fault")).into_response());
            }
            Effect::Drop => {
                let mut response = Response::default();
                response.extensions_mut().insert(DropConnection);
                return Some(response);
            }
            Effect::Hang => return std::future::pending().await,
            Effect::Say { body } => return Some(body.into_response()),
            Effect::Half => return Some(halved(answer.take()?).await),
        }
    }
    answer
}

/// An answer that promises all, and ends after half of it.
async fn halved(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    let half = body.slice(..body.len() / 2);
    let half = stream::once(async { Ok::<_, std::io::Error>(half) });
    Response::from_parts(parts, Body::from_stream(half))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;

    fn call(method: Method, path: &str, pattern: &str) -> Call {
        Call {
            method,
            path: path.to_owned(),
            pattern: pattern.to_owned(),
        }
    }

    fn faults(fault: serde_json::Value) -> Faults {
        let mut faults = Faults::default();
        faults.add(serde_json::from_value(fault).unwrap());
        faults
    }

    #[test]
    fn a_fault_fires_as_often_as_it_says_and_only_where_it_says() {
        let create = call(Method::POST, "/products", "/products");
        let update = call(Method::PUT, "/products/7", "/products/{id}");
        for (path, hits_create, hits_update) in [
            ("/products", 2, 0),
            ("/products/{id}", 0, 2),
            ("/products/7", 0, 2),
            ("/products/8", 0, 0),
            ("/products*", 2, 0),
        ] {
            let mut faults = faults(json!({"effect": "hang", "path": path, "times": 2}));
            let mut hits = |call| {
                (0..3)
                    .filter(|_| !faults.draw(Stage::Before, call).is_empty())
                    .count()
            };
            assert_eq!(
                (hits(&create), hits(&update)),
                (hits_create, hits_update),
                "{path}"
            );
        }
    }

    #[test]
    fn a_ratio_chooses_the_same_calls_for_the_same_seed() {
        let list = call(Method::GET, "/products", "/products");
        let run = |seed: u64| {
            let mut faults =
                faults(json!({"effect": {"error": {"status": 503}}, "ratio": 0.3, "seed": seed}));
            (0..1_000)
                .map(|_| faults.draw(Stage::Before, &list).len())
                .collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let hits: usize = run(1).iter().sum();
        assert!((250..350).contains(&hits), "{hits} of 1000");
    }

    #[test]
    fn a_drop_comes_after_the_write_unless_told_otherwise() {
        let create = call(Method::POST, "/products", "/products");
        let mut late = faults(json!({"effect": "drop"}));
        assert_eq!(late.draw(Stage::Before, &create), []);
        assert_eq!(late.draw(Stage::After, &create), [Effect::Drop]);
        let mut early = faults(json!({"effect": "drop", "stage": "before"}));
        assert_eq!(early.draw(Stage::Before, &create), [Effect::Drop]);
    }

    #[test]
    fn a_misspelt_fault_is_refused() {
        for fault in [
            json!({"effect": "explode"}),
            json!({"effect": "drop", "time": 1}),
            json!({"effect": {"delay": {"seconds": 1}}}),
        ] {
            assert!(
                serde_json::from_value::<Fault>(fault.clone()).is_err(),
                "{fault}"
            );
        }
    }
}
