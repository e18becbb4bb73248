//! What administrators and back ends send.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::SentAttributes;

/// The body of `POST /rc/v1/users`.
#[derive(Debug, Clone, Deserialize)]
pub struct CreateUser {
    /// The new user.
    pub attributes: NewUser,
}

/// See [`CreateUser`].
#[derive(Debug, Clone, Deserialize)]
pub struct NewUser {
    /// User name.
    pub login: String,
    /// Password.
    pub password: String,
}

/// The body of `POST /app/v1/:source/push_objects`.
#[derive(Debug, Clone, Deserialize)]
pub struct PushObjects {
    /// The user whose partition changes; for a shared source any user names the same partition.
    pub user_id: String,
    /// Attributes to merge into the objects, by object id.
    #[serde(default)]
    pub objects: BTreeMap<String, SentAttributes>,
}

/// The body of `POST /app/v1/:source/push_deletes`.
#[derive(Debug, Clone, Deserialize)]
pub struct PushDeletes {
    /// The user whose partition changes.
    pub user_id: String,
    /// Ids of the objects to remove; unknown ones are passed over.
    #[serde(default)]
    pub objects: Vec<String>,
}
