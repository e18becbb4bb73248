//! Webhooks: back ends say by themselves that something has changed.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use sync_proto::SentAttributes;

use crate::engine::feed::{deletes, merges};
use crate::engine::partitions::{Asked, partition_called};
use crate::engine::reading::ReadOutcome;
use crate::engine::{Engine, FeedError, SyncError};
use crate::mapping::{Mapped, Misfit, Path};
use crate::model::{DocumentId, EVERYBODY, ObjectId, SourceName, UserId, to_text};
use crate::ports::{Clock as _, Ports, hex};
use crate::settings::{HookSettings, Proof};
use crate::store::{HookEvent, StoreError};

/// Most objects that are asked for while a back end waits for the answer to its event. Beyond that, the next query brings them.
const READ_AT_ONCE: usize = 20;

/// Who has handed an event over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedBy {
    /// A proxy that is believed what it says of others.
    TrustedProxy,
    /// Anybody.
    Anybody,
}

/// Why an event is not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// No source of that name has a webhook.
    #[error("no source {name:?} has a webhook")]
    Unknown {
        /// The name.
        name: String,
    },
    /// It is not proven that the back end sends it.
    #[error("{reason}")]
    NotProven {
        /// What is wrong with the proof.
        reason: &'static str,
    },
    /// The body is not what the settings say.
    #[error("{message}")]
    Malformed {
        /// For whoever wrote the settings.
        message: String,
    },
    /// Its objects are not taken.
    #[error(transparent)]
    Feed(#[from] FeedError),
}

impl From<SyncError> for HookError {
    fn from(error: SyncError) -> Self {
        Self::Feed(error.into())
    }
}

impl From<StoreError> for HookError {
    fn from(error: StoreError) -> Self {
        SyncError::from(error).into()
    }
}

/// What an event is about.
struct Meant {
    /// In whose name the back end is asked.
    user: UserId,
    copy: DocumentId,
}

fn malformed(message: impl Into<String>) -> HookError {
    HookError::Malformed {
        message: message.into(),
    }
}

impl<P: Ports> Engine<P> {
    /// Takes an event of a source's back end in: its objects become the document's, or the back end is asked with the next pull.
    /// Devices are woken where the source says so. An event that was taken in before does nothing.
    ///
    /// # Errors
    /// [`HookError`]. The same event may be sent again.
    pub async fn take_hook(
        &self,
        source: &str,
        handed_by: HandedBy,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), HookError> {
        let found = self.settings.source(source);
        let found = found.and_then(|(name, settings)| Some((name, settings.hook.as_ref()?)));
        let Some((name, hook)) = found else {
            return Err(HookError::Unknown {
                name: source.to_owned(),
            });
        };
        let sent_at = self.check_proof(hook, handed_by, headers, body)?;
        let event = digest_of_event(hook, headers, sent_at.as_deref(), body);
        let event = event.map(|digest| HookEvent::new(self.ports.redis(), name, &digest));
        if let Some(event) = &event
            && event.is_known().await?
        {
            return Ok(());
        }
        self.apply_event(name, hook, body).await?;
        if let Some(event) = &event {
            event.keep().await?;
        }
        Ok(())
    }

    /// Checks that the back end has sent the event. Says which time is signed with it.
    fn check_proof(
        &self,
        hook: &HookSettings,
        handed_by: HandedBy,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<String>, HookError> {
        let not_proven = |reason| HookError::NotProven { reason };
        let secret = hook.secret.expose().as_bytes();
        match &hook.proof {
            Proof::Secret { header } => {
                let sent = text_of(headers, header).unwrap_or_default();
                if bool::from(sent.as_bytes().ct_eq(secret)) {
                    Ok(None)
                } else {
                    Err(not_proven("the secret is missing or wrong"))
                }
            }
            Proof::Certificate { header } => {
                // A proxy that adds its word to what was sent is as good as none: the first is the sender's.
                let is_alone = headers.get_all(header).iter().count() == 1;
                let sent = text_of(headers, header).unwrap_or_default();
                let fits = is_alone && bool::from(sent.as_bytes().ct_eq(secret));
                match handed_by {
                    HandedBy::TrustedProxy if fits => Ok(None),
                    HandedBy::TrustedProxy => {
                        Err(not_proven("the certificate is missing or another's"))
                    }
                    // Anybody can write a header.
                    HandedBy::Anybody => Err(not_proven(
                        "the event does not come through a trusted proxy, which would have seen a certificate",
                    )),
                }
            }
            Proof::Signature {
                header,
                timestamp,
                tolerance_seconds,
            } => {
                let wrong = || not_proven("the signature is missing or wrong");
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| wrong())?;
                let sent_at = match timestamp {
                    None => None,
                    Some(timestamp) => Some(text_of(headers, timestamp).ok_or_else(wrong)?),
                };
                if let Some(sent_at) = sent_at {
                    mac.update(sent_at.as_bytes());
                    mac.update(b".");
                }
                mac.update(body);
                let signature = text_of(headers, header).and_then(signature_of);
                mac.verify_slice(&signature.ok_or_else(wrong)?)
                    .map_err(|_| wrong())?;
                if let Some(sent_at) = sent_at {
                    let now = self.ports.clock().now().0 / 1_000;
                    let seconds: u64 = sent_at.trim().parse().map_err(|_| wrong())?;
                    if now.abs_diff(seconds) > *tolerance_seconds {
                        return Err(not_proven("the signature is too old"));
                    }
                }
                Ok(sent_at.map(str::to_owned))
            }
        }
    }

    async fn apply_event(
        &self,
        source: &SourceName,
        hook: &HookSettings,
        body: &[u8],
    ) -> Result<(), HookError> {
        let body = if body.is_empty() { b"null" } else { body };
        let mut held = self.memory.nothing();
        held.grow_by_json(body)
            .map_err(|error| malformed(error.to_string()))?;
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
        let meant = self.meant(source, hook, &body).await?;
        let deleted = ids_at(hook.deleted.as_ref(), &body);
        let changed = ids_at(hook.changed.as_ref(), &body);
        let objects = match &hook.mapping {
            None => BTreeMap::new(),
            Some(mapping) => {
                let misfit = |error: Misfit| malformed(error.reason);
                let records = mapping.records(body).map_err(misfit)?;
                let objects = records.into_iter().map(|record| {
                    let Mapped { id, values } = mapping.object(record).map_err(misfit)?;
                    Ok((id, values.map_err(malformed)?))
                });
                objects.collect::<Result<BTreeMap<String, SentAttributes>, HookError>>()?
            }
        };
        if hook.mapping.is_none() && hook.deleted.is_none() && hook.changed.is_none() {
            return self.ask_soon(&meant.copy).await;
        }
        if !objects.is_empty() {
            self.feed_copies(&meant.copy, merges(objects)?).await?;
        }
        if !deleted.is_empty() {
            self.feed_copies(&meant.copy, deletes(deleted)?).await?;
        }
        if !changed.is_empty() && !self.read_changed(source, &meant, &changed).await? {
            self.ask_soon(&meant.copy).await?;
        }
        Ok(())
    }

    /// The copy that an event changes: that of the partition that the body names, or else of the user.
    async fn meant(
        &self,
        source: &SourceName,
        hook: &HookSettings,
        body: &Value,
    ) -> Result<Meant, HookError> {
        let text_at = |path: &Option<Path>| {
            let text = to_text(path.as_ref()?.read(body)?.into_owned());
            Some(text).filter(|text| !text.is_empty())
        };
        let nobody = || UserId::parse(EVERYBODY).map_err(SyncError::from);
        if let Some(name) = text_at(&hook.partition) {
            let found = self.source(source.as_str()).await?;
            let partition = partition_called(&found.as_source().settings.naming, &name);
            let partition = partition
                .ok_or_else(|| malformed(format!("{name:?} is no partition of {source}")))?;
            let source = source.clone();
            let copy = DocumentId { source, partition };
            return Ok(Meant {
                user: nobody()?,
                copy,
            });
        }
        let user = match (text_at(&hook.user), &hook.user, &hook.partition) {
            (Some(user), _, _) => UserId::parse(user).map_err(SyncError::from)?,
            (None, None, None) => nobody()?,
            (None, Some(path), _) => {
                return Err(malformed(format!(
                    "the body has no user at {:?}",
                    path.as_str()
                )));
            }
            (None, None, Some(path)) => {
                let reason = format!("the body has no partition at {:?}", path.as_str());
                return Err(malformed(reason));
            }
        };
        let copy = self.fed_document(source.as_str(), user.as_str()).await?;
        Ok(Meant { user, copy })
    }

    /// Asks the back end for objects that have changed. `false`: not all of them are as the back end has them.
    async fn read_changed(
        &self,
        source: &SourceName,
        Meant { user, copy: id }: &Meant,
        ids: &[String],
    ) -> Result<bool, HookError> {
        if ids.len() > READ_AT_ONCE {
            return Ok(false);
        }
        let found = self.source(source.as_str()).await?;
        let source = found.as_source();
        let objects: Vec<ObjectId> = ids
            .iter()
            .flat_map(|id| ObjectId::parse(id.as_str()))
            .collect();
        let copies = id.of_back_end();
        let mut left: BTreeSet<&ObjectId> = objects.iter().collect();
        for copy in &copies {
            // Nobody has a copy that could be old.
            if !self.document(copy).was_refreshed().await? {
                continue;
            }
            let Asked::For(partition) = self.asked_for(source, user, copy).await? else {
                continue;
            };
            let call = self.question(source, user, partition.as_ref(), &[]);
            let mut has_changed = false;
            for object in &objects {
                // Of several copies, an object is read into those that have it: only a query says where a new one belongs.
                if copies.len() > 1 && !self.has(copy, object).await? {
                    continue;
                }
                left.remove(object);
                match self.read_object(source, &call, copy, object).await? {
                    ReadOutcome::Changed => has_changed = true,
                    ReadOutcome::Unchanged => {}
                    ReadOutcome::NotTaken => return Ok(false),
                }
            }
            self.notify_if(has_changed, copy).await?;
        }
        Ok(copies.len() == 1 || left.is_empty())
    }

    /// Sees to it that the next pull asks the back end, and wakes devices where the source says so.
    async fn ask_soon(&self, id: &DocumentId) -> Result<(), HookError> {
        for id in id.of_back_end() {
            let document = self.document(&id);
            // Nobody has a copy that could be old.
            if document.was_refreshed().await? {
                document.set_refresh_due(self.ports.clock().now()).await?;
                self.notify_if(true, &id).await?;
            }
        }
        Ok(())
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A signature as back ends write it: hexadecimal or Base64, also behind a name.
fn signature_of(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let behind_name = text.split_once('=').map(|(_, behind)| behind);
    if let Some(text) = [Some(text), behind_name]
        .into_iter()
        .flatten()
        .find(|text| is_hex(text))
    {
        let digits = text.as_bytes().chunks(2);
        return digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
    }
    let texts = [Some(text), behind_name].into_iter().flatten();
    texts
        .filter_map(|text| BASE64.decode(text).ok())
        .find(|bytes| bytes.len() == 32)
}

/// What tells an event from others, if anything does: what is signed with a time, or what the back end calls it.
fn digest_of_event(
    hook: &HookSettings,
    headers: &HeaderMap,
    sent_at: Option<&str>,
    body: &[u8],
) -> Option<String> {
    let name = hook
        .event
        .as_ref()
        .and_then(|header| text_of(headers, header));
    let digest = match (name, sent_at) {
        (Some(name), _) => Sha256::digest(name),
        (None, Some(sent_at)) => Sha256::new()
            .chain_update(sent_at)
            .chain_update(".")
            .chain_update(body)
            .finalize(),
        (None, None) => return None,
    };
    Some(hex(&digest))
}

/// The ids of objects: one, a list, or a list of objects with them.
fn ids_at(path: Option<&Path>, body: &Value) -> Vec<String> {
    let found = path.and_then(|path| path.read(body));
    let ids = match found.as_deref() {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(ids)) => ids.iter().collect(),
        Some(id) => vec![id],
    };
    let ids = ids
        .into_iter()
        .map(|id| to_text(id.get("id").unwrap_or(id).clone()));
    ids.filter(|id| ObjectId::parse(id.as_str()).is_ok())
        .collect()
}
