//! Whether the server is alive and ready: for load balancers, the console and scripts.

use serde::{Deserialize, Serialize};

/// The answer of `GET /health`: the process answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// There is only one; who isn't well doesn't answer.
    pub status: HealthStatus,
    /// The server's version: `0.1.0`.
    pub version: String,
}

/// How a process that answers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// It lives.
    Ok,
}

/// The answer of `GET /ready`: 200 when the server can work, 503 when something it needs is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// The checks' verdict.
    pub status: ReadinessStatus,
    /// What was checked, in the order in which it matters.
    pub checks: Vec<Check>,
}

/// Whether the server can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadinessStatus {
    /// Every check is ok.
    #[serde(rename = "ready")]
    Ready,
    /// At least one check isn't.
    #[serde(rename = "not ready")]
    NotReady,
}

/// One thing that the server needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked: `redis`, `settings`.
    pub name: String,
    /// Whether it is there and works.
    pub ok: bool,
    /// What is wrong, for an administrator; only in failed checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn health_and_readiness_look_as_documented() {
        let health = Health {
            status: HealthStatus::Ok,
            version: "0.1.0".to_owned(),
        };
        assert_eq!(
            serde_json::to_value(&health).unwrap(),
            json!({"status": "ok", "version": "0.1.0"})
        );

        let check = |name: &str, message: Option<&str>| Check {
            name: name.to_owned(),
            ok: message.is_none(),
            message: message.map(str::to_owned),
        };
        let readiness = Readiness {
            status: ReadinessStatus::NotReady,
            checks: vec![
                check("redis", Some("connection refused")),
                check("settings", None),
            ],
        };
        let wire = json!({
            "status": "not ready",
            "checks": [
                {"name": "redis", "ok": false, "message": "connection refused"},
                {"name": "settings", "ok": true},
            ],
        });
        assert_eq!(serde_json::to_value(&readiness).unwrap(), wire);
        assert_eq!(
            serde_json::from_value::<Readiness>(wire).unwrap(),
            readiness
        );
    }
}
