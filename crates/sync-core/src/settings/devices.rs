//! The settings `devices`: how often devices with our own library come.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::settings::{KeyError, wrong};

/// Seconds after which a device comes again that has nothing left to do, where the file does not say.
const DEFAULT_IDLE_SECONDS: u64 = 30;

/// What they may be: a device that comes once a day still hears of everything within a day.
const IDLE_SECONDS: RangeInclusive<u64> = 1..=86_400;

/// Most types of devices.
const MAX_TYPES: usize = 100;

/// How often devices with our own library come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSettings {
    idle_seconds: u64,
    /// By type of device, as the device says it.
    idle_seconds_of: BTreeMap<String, u64>,
}

impl DeviceSettings {
    /// Seconds after which a device of this type comes again that has nothing left to do.
    pub(crate) fn idle_seconds(&self, device_type: &str) -> u64 {
        let own = self.idle_seconds_of.get(device_type);
        *own.unwrap_or(&self.idle_seconds)
    }
}

/// `[devices]` as it stands in the file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DevicesEntry {
    idle_seconds: u64,
    types: BTreeMap<String, DeviceTypeEntry>,
}

impl Default for DevicesEntry {
    fn default() -> Self {
        Self {
            idle_seconds: DEFAULT_IDLE_SECONDS,
            types: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct DeviceTypeEntry {
    idle_seconds: u64,
}

impl DevicesEntry {
    pub(super) fn check(self) -> Result<DeviceSettings, KeyError> {
        let Self {
            idle_seconds,
            types,
        } = self;
        if types.len() > MAX_TYPES {
            return wrong("types", format!("has more than {MAX_TYPES} entries"));
        }
        let of_types = types
            .iter()
            .map(|(name, entry)| (format!("types.{name}.idle_seconds"), entry.idle_seconds));
        let all = [("idle_seconds".to_owned(), idle_seconds)];
        let mut all = all.into_iter().chain(of_types);
        if let Some((key, _)) = all.find(|(_, seconds)| !IDLE_SECONDS.contains(seconds)) {
            let (least, most) = IDLE_SECONDS.into_inner();
            return wrong(&key, format!("must be between {least} and {most} seconds"));
        }
        let of_types = types.into_iter();
        Ok(DeviceSettings {
            idle_seconds,
            idle_seconds_of: of_types
                .map(|(name, entry)| (name, entry.idle_seconds))
                .collect(),
        })
    }
}
