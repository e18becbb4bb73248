//! Sessions of devices.

use serde::{Deserialize, Serialize};

use crate::DeviceDescription;

/// The body of `POST /sync/v1/session`: a refresh token, or a token of the identity provider, or a name and a password.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SessionRequest {
    /// The refresh token that came last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// Names the attempt to refresh: the same when it is repeated, because its answer was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// A token of the identity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// User name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The client id that the device has from an earlier session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What the device says about itself.
    #[serde(default)]
    pub device: DeviceDescription,
}

/// The answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionGrant {
    /// Goes with every request, as `Authorization: Bearer`.
    pub access: String,
    /// How many seconds it is good.
    pub expires_in: u64,
    /// Good once, for the next tokens.
    pub refresh: String,
    /// The device's id.
    pub client: String,
    /// The user's name, as the server calls it.
    pub user: String,
}
