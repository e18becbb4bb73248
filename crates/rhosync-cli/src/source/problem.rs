//! What is wrong with a source, and which of its settings says so.

use serde::Serialize;
use sync_core::AdapterError;

use super::application::Application;
use super::place::Written;

/// How alike two names are if one may be meant by the other, of at most 1.
const ALIKE: f64 = 0.8;

/// A problem and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// The setting.
    pub(super) key: String,
    /// Its line, or that of the table around it.
    pub(super) line: Option<usize>,
    /// What is wrong.
    pub(super) message: String,
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Login,
    Query,
    Create,
    Update,
    Delete,
}

impl Stage {
    /// The key of the call that does it.
    pub(super) fn setting(self) -> &'static str {
        match self {
            Self::Login | Self::Query => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What is wrong with a setting; of a name that is none, with the one that was probably meant.
pub(super) fn with_suggestion(reason: String) -> String {
    // As serde says it.
    let mut names = reason.split('`').skip(1).step_by(2);
    let wrong = names.next().filter(|_| reason.starts_with("unknown "));
    let closest = wrong.and_then(|wrong| {
        let rated = names.map(|name| (strsim::jaro_winkler(wrong, name), name));
        rated
            .filter(|(likeness, _)| *likeness > ALIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0))
    });
    match closest {
        Some((_, name)) => format!("{reason}; did you mean `{name}`?"),
        None => reason,
    }
}

impl Problem {
    pub(super) fn new(written: &Written, key: String, message: impl Into<String>) -> Self {
        Self {
            line: written.line_of(&key),
            key,
            message: message.into(),
        }
    }

    /// A problem with a setting of the adapter's table.
    pub(super) fn of_adapter(
        application: &Application,
        setting: &str,
        message: impl Into<String>,
    ) -> Self {
        let key = format!("{}.{setting}", application.table());
        Self::new(&application.written, key, message)
    }

    /// What an adapter's error says of the settings.
    pub(super) fn of_error(application: &Application, stage: Stage, error: &AdapterError) -> Self {
        let has = |key: &str| {
            let key = format!("{}.{key}", application.table());
            application.written.get(&key).is_some()
        };
        let setting = match error {
            AdapterError::Misfit { setting, .. } => setting,
            AdapterError::Login { .. } if stage == Stage::Login => {
                let key = "authentication.url".to_owned();
                return Self::new(&application.written, key, error.to_string());
            }
            AdapterError::Unauthorized { .. } | AdapterError::Login { .. } => {
                if has("username_token") {
                    "username_token"
                } else if application.table().ends_with(".sql") {
                    "url"
                } else {
                    "authorization"
                }
            }
            AdapterError::Unavailable { .. }
            | AdapterError::Throttled { .. }
            | AdapterError::CircuitOpen { .. } => "url",
            _ if has(stage.setting()) => stage.setting(),
            _ => "url",
        };
        Self::of_adapter(application, setting, error.to_string())
    }
}
