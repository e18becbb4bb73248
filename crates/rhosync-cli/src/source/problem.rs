//! What is wrong with a source, and which of its settings says so.

use serde::Serialize;
use sync_core::AdapterError;

use super::application::Application;
use super::place::Written;

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
