//! What a device sends: creates, updates and deletes.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The body of `POST /app/v1/:source`. Unknown fields are ignored: a newer device may send more.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Objects made on the device, by their temporary ids.
    pub create: Operations,
    /// Changed attributes by object id.
    pub update: Operations,
    /// Objects removed on the device.
    pub delete: Operations,
    /// Attributes whose values are files that come with the changes. Devices name them after each operation, so the
    /// key may stand there several times.
    pub blob_fields: Vec<String>,
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChangesVisitor;

        impl<'de> Visitor<'de> for ChangesVisitor {
            type Value = Changes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with create, update and delete")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Changes, A::Error> {
                let (mut create, mut update, mut delete) = (None, None, None);
                let mut blob_fields = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let (name, operations) = match key.as_str() {
                        "create" => ("create", &mut create),
                        "update" => ("update", &mut update),
                        "delete" => ("delete", &mut delete),
                        "blob_fields" => {
                            let fields: Option<Vec<String>> = map.next_value()?;
                            blob_fields.extend(fields.into_iter().flatten());
                            continue;
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    if operations.replace(map.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field(name));
                    }
                }
                Ok(Changes {
                    create: create.unwrap_or_default(),
                    update: update.unwrap_or_default(),
                    delete: delete.unwrap_or_default(),
                    blob_fields,
                })
            }
        }

        deserializer.deserialize_map(ChangesVisitor)
    }
}

/// Operations of one kind in the order they were sent: object id and attributes as sent.
///
/// Devices write an object `{id: {attribute: value}}`, whose order is kept, or an array of `[id, {…}]` pairs.
#[derive(Debug, Clone, Default)]
pub struct Operations(pub Vec<(String, SentAttributes)>);

/// Attributes as a device or a back end wrote them: values of any JSON type.
pub type SentAttributes = serde_json::Map<String, Value>;

impl<'de> Deserialize<'de> for Operations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OperationsVisitor;

        impl<'de> Visitor<'de> for OperationsVisitor {
            type Value = Operations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object {id: {attribute: value}} or an array of [id, {attribute: value}] pairs")
            }

            fn visit_unit<E>(self) -> Result<Operations, E> {
                Ok(Operations::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Operations, A::Error> {
                let mut operations = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    operations.push(entry);
                }
                Ok(Operations(operations))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Operations, A::Error> {
                let mut operations = Vec::new();
                while let Some(entry) = seq.next_element()? {
                    operations.push(entry);
                }
                Ok(Operations(operations))
            }
        }

        deserializer.deserialize_any(OperationsVisitor)
    }
}

/// The body of a device's or an administrator's login.
#[derive(Debug, Clone, Deserialize)]
pub struct Login {
    /// User name.
    #[serde(default)]
    pub login: String,
    /// Password.
    #[serde(default)]
    pub password: String,
}

/// What a device says about itself when it is created or registers for push. Values are kept as sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDescription {
    /// Platform, `Apple` or `Android` for instance.
    pub device_type: Option<String>,
    /// Push service where it is not the platform's own.
    pub device_push_type: Option<String>,
    /// The push service's address of the device.
    pub device_pin: Option<String>,
    /// Port the device listens on, for old push clients.
    pub device_port: Option<String>,
    /// Identifies the physical device.
    pub phone_id: Option<String>,
    /// Application on the device.
    pub device_app_id: Option<String>,
    /// Version of the application.
    pub device_app_version: Option<String>,
}

/// The body of a client's reset: which sources to start over; none named means all.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Reset {
    /// Sources by name.
    pub sources: Option<Vec<NamedSource>>,
}

/// A source named in a request.
#[derive(Debug, Clone, Deserialize)]
pub struct NamedSource {
    /// The source's name.
    pub name: String,
}

/// The answer to a client's creation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClientCreated {
    /// The new client.
    pub client: CreatedClient,
    /// The sources it can sync, by name.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceConfiguration>,
}

/// What a device is told of a source.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SourceConfiguration {
    /// Seconds between queries of the back end; 0: with every sync, -1: never.
    pub poll_interval: i64,
}

/// See [`ClientCreated`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreatedClient {
    /// 32 hexadecimal digits.
    pub client_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_operations_is_the_order_sent() {
        let changes: Changes = serde_json::from_str(
            r#"{"source_name":"Product","create":{"z":{"a":"1"},"a":{"a":"2"}},"update":[["9",{}],["1",{"b":2}]],"delete":null}"#,
        )
        .unwrap();
        let ids = |operations: &Operations| {
            operations
                .0
                .iter()
                .map(|(id, _)| id.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&changes.create), ["z", "a"]);
        assert_eq!(ids(&changes.update), ["9", "1"]);
        assert!(changes.delete.0.is_empty());
    }

    #[test]
    fn blob_fields_follow_every_operation() {
        let changes: Changes = serde_json::from_str(
            r#"{"create":{"b1":{"photo":"a.png"}},"blob_fields":["photo"],"update":{"7":{"scan":"b.png"}},"blob_fields":["scan"],"newer":[1]}"#,
        )
        .unwrap();
        assert_eq!(changes.blob_fields, ["photo", "scan"]);
        assert_eq!((changes.create.0.len(), changes.update.0.len()), (1, 1));
        assert!(serde_json::from_str::<Changes>(r#"{"create":{},"create":{}}"#).is_err());
        assert!(serde_json::from_str::<Changes>(r#"{"blob_fields":"photo"}"#).is_err());
    }

    #[test]
    fn an_object_that_is_not_a_map_is_refused() {
        assert!(serde_json::from_str::<Changes>(r#"{"create":{"a":"notahash"}}"#).is_err());
        assert!(serde_json::from_str::<Changes>(r#"{"create":"x"}"#).is_err());
    }
}
