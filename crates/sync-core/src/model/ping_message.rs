//! What a ping tells a device.

use serde::{Deserialize, Serialize};

use crate::model::SourceName;

/// What a ping tells a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingMessage {
    /// Shown to the user. Without it, a badge or a sound, the ping is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Number on the application's icon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge: Option<u32>,
    /// Name of the sound to play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<String>,
    /// Seconds to vibrate, for clients that do it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vibrate: Option<u32>,
    /// Sources the device should sync.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// A newer ping with the same key takes this one's place while the device is out of reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collapse_key: Option<String>,
    /// How urgent it is. A silent ping is never urgent.
    #[serde(default)]
    pub priority: PingPriority,
    /// How long the service keeps it for a device that is out of reach, in seconds.
    #[serde(default = "default_time_to_live")]
    pub time_to_live: u32,
}

/// A day: the next sync brings everything anyway.
const fn default_time_to_live() -> u32 {
    86_400
}

impl Default for PingMessage {
    fn default() -> Self {
        Self {
            message: None,
            badge: None,
            sound: None,
            vibrate: None,
            sources: Vec::new(),
            collapse_key: None,
            priority: PingPriority::default(),
            time_to_live: default_time_to_live(),
        }
    }
}

impl PingMessage {
    /// Lets a device sync a source; the user notices nothing of it.
    pub(crate) fn about(source: &SourceName) -> Self {
        Self {
            sources: vec![source.to_string()],
            ..Self::default()
        }
    }

    /// Whether the user notices nothing of it.
    pub(crate) fn is_silent(&self) -> bool {
        self.message.is_none() && self.badge.is_none() && self.sound.is_none()
    }
}

/// How urgent a ping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PingPriority {
    /// At once, even if it costs a sleeping device's battery.
    #[default]
    High,
    /// When the device is awake.
    Normal,
}
