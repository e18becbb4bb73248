//! Turns what the server says about itself into what is shown. Plain functions: no browser needed.

use sync_proto::{Check, Health, Readiness, ReadinessStatus};

use crate::error::ApiError;

/// One look at the server.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) health: Result<Health, ApiError>,
    pub(crate) readiness: Result<Readiness, ApiError>,
    /// When it was taken, as the user writes times.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "only the page shows it")
    )]
    pub(crate) taken_at: String,
}

/// How the server is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Good,
    Impaired,
    Down,
}

/// How the server is, in one line and a bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) condition: Condition,
    pub(crate) headline: &'static str,
    pub(crate) detail: String,
}

/// Sums up a look at the server.
pub(crate) fn verdict(snapshot: &Snapshot) -> Verdict {
    let Snapshot {
        health, readiness, ..
    } = snapshot;
    match (health, readiness) {
        (Err(error), _) => Verdict {
            condition: Condition::Down,
            headline: match error {
                ApiError::Unreachable => "The server is down",
                ApiError::Status(_) | ApiError::Unreadable(_) => "The server is in trouble",
            },
            detail: error.to_string(),
        },
        (Ok(_), Err(error)) => Verdict {
            condition: Condition::Impaired,
            headline: "The server runs, but does not say whether it can work",
            detail: error.to_string(),
        },
        (Ok(_), Ok(readiness)) => match readiness.status {
            ReadinessStatus::Ready => Verdict {
                condition: Condition::Good,
                headline: "Everything works",
                detail: "The server is ready for devices.".to_owned(),
            },
            ReadinessStatus::NotReady => Verdict {
                condition: Condition::Impaired,
                headline: "The server is not ready",
                detail: failures(&readiness.checks),
            },
        },
    }
}

/// Names what failed: "Redis and settings fail."
fn failures(checks: &[Check]) -> String {
    let failed: Vec<_> = checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| &*check.name)
        .collect();
    match failed.as_slice() {
        [] => "It does not say why.".to_owned(),
        [one] => format!("{} fails.", sentence_case(one)),
        [others @ .., last] => {
            format!("{} and {last} fail.", sentence_case(&others.join(", ")))
        }
    }
}

/// The text with its first letter in upper case.
pub(crate) fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use sync_proto::HealthStatus;

    use super::*;

    fn snapshot(failed: &[&str]) -> Snapshot {
        let check = |name: &str| Check {
            name: name.to_owned(),
            ok: !failed.contains(&name),
            message: None,
        };
        let ready = failed.is_empty();
        Snapshot {
            health: Ok(Health {
                status: HealthStatus::Ok,
                version: "0.1.0".to_owned(),
            }),
            readiness: Ok(Readiness {
                status: if ready {
                    ReadinessStatus::Ready
                } else {
                    ReadinessStatus::NotReady
                },
                checks: ["redis", "settings", "adapters"].map(check).into(),
            }),
            taken_at: String::new(),
        }
    }

    #[test]
    fn a_ready_server_is_good() {
        assert_eq!(verdict(&snapshot(&[])).condition, Condition::Good);
    }

    #[test]
    fn failed_checks_are_named() {
        for (failed, detail) in [
            (&["redis"][..], "Redis fails."),
            (&["redis", "settings"], "Redis and settings fail."),
            (
                &["redis", "settings", "adapters"],
                "Redis, settings and adapters fail.",
            ),
            (&["unlisted"], "It does not say why."),
        ] {
            let verdict = verdict(&snapshot(failed));
            assert_eq!(
                (verdict.condition, &*verdict.detail),
                (Condition::Impaired, detail)
            );
        }
    }

    #[test]
    fn no_health_means_down_whatever_else_is_known() {
        let snapshot = Snapshot {
            health: Err(ApiError::Unreachable),
            ..snapshot(&[])
        };
        let verdict = verdict(&snapshot);
        assert_eq!(verdict.condition, Condition::Down);
        assert_eq!(
            (verdict.headline, &*verdict.detail),
            ("The server is down", "The server does not answer.")
        );
    }

    #[test]
    fn a_server_that_cannot_say_is_impaired() {
        let snapshot = Snapshot {
            readiness: Err(ApiError::Status(404)),
            ..snapshot(&[])
        };
        let verdict = verdict(&snapshot);
        assert_eq!(verdict.condition, Condition::Impaired);
        assert_eq!(verdict.detail, "The server answered with status 404.");
    }

    #[test]
    fn sentence_case_touches_only_the_first_letter() {
        assert_eq!(sentence_case("étatRedis"), "ÉtatRedis");
        assert_eq!(sentence_case(""), "");
    }
}
