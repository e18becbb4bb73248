//! The settings of webhooks: how a back end says by itself that something has changed.

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::mapping::{Format, Mapping, Nested, Path, Selection};
use crate::settings::subscribe::{SubscribeEntry, SubscribeSettings};
use crate::settings::{KeyError, Secret, Text, wrong};

/// How old a signed time may be where the file does not say, in seconds.
const DEFAULT_TOLERANCE_SECONDS: u64 = 300;

/// A source's webhook.
#[derive(Debug, Clone)]
pub(crate) struct HookSettings {
    pub(crate) secret: Secret,
    pub(crate) proof: Proof,
    /// Header that tells one event from another.
    pub(crate) event: Option<HeaderName>,
    /// Where the user's name is whose copy changes.
    pub(crate) user: Option<Path>,
    /// Where the name of the partition is whose copy changes.
    pub(crate) partition: Option<Path>,
    /// What the event has for the source; without it, the event says only that something has changed.
    pub(crate) mapping: Option<Mapping>,
    /// Where the ids of deleted objects are.
    pub(crate) deleted: Option<Path>,
    /// Where the ids of objects are that have changed.
    pub(crate) changed: Option<Path>,
    /// How the back end is told of the hook; without it, somebody else does that.
    pub(crate) subscribe: Option<SubscribeSettings>,
}

/// How a back end proves that an event is its own.
#[derive(Debug, Clone)]
pub(crate) enum Proof {
    /// By the secret itself.
    Secret { header: HeaderName },
    /// By what a proxy says of the certificate that the back end has shown it.
    Certificate { header: HeaderName },
    /// By an HMAC-SHA256 of the body, with a time before it where one is sent.
    Signature {
        header: HeaderName,
        timestamp: Option<HeaderName>,
        tolerance_seconds: u64,
    },
}

/// A source's webhook.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct HookEntry {
    /// What only the back end and the server know.
    secret: Text,
    /// Header with the HMAC-SHA256 of the body by the secret, hexadecimal or Base64, also behind a name: `sha256=…`.
    signature_header: Option<String>,
    /// Header with the time of sending in Unix seconds; the signature is then that of the time, a full stop and the body.
    timestamp_header: Option<String>,
    /// How many seconds the time may be away from the server's; 300 where nothing is said.
    tolerance_seconds: Option<u64>,
    /// In place of a signature: header with the secret itself.
    secret_header: Option<String>,
    /// In place of a signature: header in which a trusted proxy says whose certificate was shown to it, its fingerprint for
    /// instance. `secret` is what it must say.
    certificate_header: Option<String>,
    /// Header that is different for each event: an event that comes again within a day does nothing.
    event_header: Option<String>,
    /// Path to the name of the user whose copy changes; needed where every user has one.
    user: Option<String>,
    /// Path to the name of the partition whose copy changes, where that is computed: `region/north`, or `app`. A body that has none
    /// there is for the user's copy.
    partition: Option<String>,
    /// Path to the records in the body, which is JSON. They are mapped as those of a query, and their attributes are set.
    records: Option<String>,
    /// Path to the value that is a record's id, where it is not that of a query.
    id: Option<String>,
    /// Path to the ids of deleted objects in the body.
    deleted: Option<String>,
    /// Path to the ids of objects that have changed, without their values: the server asks the back end for each of them, as `read`
    /// of the source says.
    changed: Option<String>,
    /// How the server registers the hook at the back end by itself.
    subscribe: Option<SubscribeEntry>,
}

impl HookEntry {
    /// Whether the body has objects, and does not only say that something has changed.
    pub(super) fn brings_objects(&self) -> bool {
        self.records.is_some() || self.deleted.is_some() || self.changed.is_some()
    }

    /// Whether the back end has to be asked for single objects.
    pub(super) fn names_objects(&self) -> bool {
        self.changed.is_some()
    }

    pub(super) fn names_users(&self) -> bool {
        self.user.is_some()
    }

    pub(super) fn names_partitions(&self) -> bool {
        self.partition.is_some()
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        self.proof()?;
        self.mapping(None)?;
        self.subscribe
            .as_ref()
            .map_or(Ok(()), SubscribeEntry::check)?;
        let paths = [
            ("user", &self.user),
            ("partition", &self.partition),
            ("deleted", &self.deleted),
            ("changed", &self.changed),
        ];
        for (name, path) in paths {
            optional(name, path)?;
        }
        Ok(())
    }

    /// The texts that may be variables.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let subscribe = self.subscribe.iter().flat_map(SubscribeEntry::texts);
        [&self.secret].into_iter().chain(subscribe)
    }

    fn proof(&self) -> Result<Proof, KeyError> {
        let header = |key: &str, name: &str| {
            let name = HeaderName::from_bytes(name.as_bytes());
            name.map_err(|error| (format!("hook.{key}"), error.to_string()))
        };
        let headers = (
            &self.signature_header,
            &self.secret_header,
            &self.certificate_header,
        );
        match headers {
            (Some(name), None, None) => Ok(Proof::Signature {
                header: header("signature_header", name)?,
                timestamp: match &self.timestamp_header {
                    Some(name) => Some(header("timestamp_header", name)?),
                    None => None,
                },
                tolerance_seconds: self.tolerance_seconds.unwrap_or(DEFAULT_TOLERANCE_SECONDS),
            }),
            (None, Some(_), None) | (None, None, Some(_))
                if self.timestamp_header.is_some() || self.tolerance_seconds.is_some() =>
            {
                wrong(
                    "hook.timestamp_header",
                    "a time that is not signed proves nothing",
                )
            }
            (None, Some(name), None) => Ok(Proof::Secret {
                header: header("secret_header", name)?,
            }),
            (None, None, Some(name)) => Ok(Proof::Certificate {
                header: header("certificate_header", name)?,
            }),
            _ => wrong(
                "hook.signature_header",
                "say one of signature_header, secret_header and certificate_header",
            ),
        }
    }

    /// The mapping of a query, for the body of an event.
    fn mapping(&self, of_query: Option<&Mapping>) -> Result<Option<Mapping>, KeyError> {
        let Some(records) = optional("records", &self.records)? else {
            return Ok(None);
        };
        let mut mapping = match of_query {
            Some(mapping) => mapping.clone(),
            None => Mapping {
                format: Format::Json,
                delimiter: b',',
                records: records.clone(),
                children: None,
                id: optional("id", &Some("id".to_owned()))?
                    .into_iter()
                    .collect(),
                selection: Selection::All,
                omit: BTreeSet::new(),
                nested: Nested::default(),
                types: BTreeMap::new(),
            },
        };
        if let Some(id) = optional("id", &self.id)? {
            mapping.id = vec![id];
        }
        Ok(Some(Mapping {
            format: Format::Json,
            records,
            children: None,
            ..mapping
        }))
    }

    /// Puts the variables' values in. `of_query` is the mapping of the source's adapter, if it has one.
    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
        of_query: Option<&Mapping>,
    ) -> Result<HookSettings, KeyError> {
        let secret = self.secret.resolve(variable);
        let secret = secret.map_err(|reason| ("hook.secret".to_owned(), reason))?;
        if secret.is_empty() {
            return wrong("hook.secret", "is empty: anybody would know it");
        }
        let event = self
            .event_header
            .as_ref()
            .map(|name| HeaderName::from_bytes(name.as_bytes()));
        let event = event.transpose();
        Ok(HookSettings {
            secret: Secret::new(secret),
            proof: self.proof()?,
            event: event.map_err(|error| ("hook.event_header".to_owned(), error.to_string()))?,
            user: optional("user", &self.user)?,
            partition: optional("partition", &self.partition)?,
            mapping: self.mapping(of_query)?,
            deleted: optional("deleted", &self.deleted)?,
            changed: optional("changed", &self.changed)?,
            subscribe: self
                .subscribe
                .as_ref()
                .map(|subscribe| subscribe.resolve(variable))
                .transpose()?,
        })
    }
}

fn optional(name: &str, text: &Option<String>) -> Result<Option<Path>, KeyError> {
    let path = text.as_ref().map(|text| Path::parse(text));
    path.transpose()
        .map_err(|reason| (format!("hook.{name}"), reason))
}
