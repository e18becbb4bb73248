//! Settings as they are in force.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports, SettingDescription, SettingOrigin};
use sync_proto::api::{self, SettingInfo};

use crate::error::HttpError;
use crate::routes::api::listing;

/// All of them, whatever the limit: people look for one by reading.
pub(super) async fn list<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    let described = engine.describe_settings().await?;
    Ok(listing(described.into_iter().map(to_info).collect(), None))
}

fn to_info(setting: SettingDescription) -> SettingInfo {
    let SettingDescription {
        key,
        value,
        origin,
        variable,
    } = setting;
    SettingInfo {
        key,
        value,
        origin: match origin {
            SettingOrigin::Default => api::SettingOrigin::Default,
            SettingOrigin::File => api::SettingOrigin::File,
            SettingOrigin::Variable => api::SettingOrigin::Variable,
            SettingOrigin::Administrator => api::SettingOrigin::Console,
        },
        variable,
    }
}
