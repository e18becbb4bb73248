//! Callbacks at back ends: registered, renewed, and removed again.
//!
//! What is known of one is written after each call, and only if nobody else has written meanwhile. A crash in between leads
//! to the same call again: a create with the same idempotency key, a removal of what is gone.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::adapter::{AdapterError, Subscriber};
use crate::engine::{Engine, SyncError};
use crate::model::{Millis, SourceName};
use crate::ports::{Clock as _, Ports, Random as _, hex};
use crate::settings::SubscribeSettings;
use crate::store::{StoreError, SubscriptionRecord, SubscriptionStore};

/// Why a callback could not be looked after.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubscriptionError {
    /// The back end's answer, or none.
    #[error(transparent)]
    BackEnd(#[from] AdapterError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] SyncError),
}

impl<P: Ports> Engine<P> {
    /// Sees to it that a source's back end knows its hook as long as the source is not paused; says what was done.
    pub(crate) async fn keep_subscription(
        &self,
        source: &SourceName,
    ) -> Result<&'static str, SubscriptionError> {
        let hook = self.settings.sources.get(source);
        let hook = hook.and_then(|source| source.hook.as_ref());
        let subscribed = hook.and_then(|hook| Some((hook, hook.subscribe.as_ref()?)));
        let Some((hook, settings)) = subscribed else {
            return Ok("the source subscribes to nothing any more");
        };
        let ports = Rc::clone(&self.ports);
        let secrets = self.accounts.adapter_secrets();
        let subscriber = Subscriber::new(ports, &secrets, settings, &hook.secret);
        let store = SubscriptionStore::new(self.ports.redis(), source);
        let (mut record, mut text) = store.read().await?;
        if record.life.is_empty() {
            record.life = self.ports.random().hex::<16>();
            match store.write(&record, &text).await? {
                Some(written) => text = written,
                None => return Ok(LATER),
            }
        }
        let mut done = "is as it should be";
        let is_paused = self.registry().await?.is_paused(source);
        let now = self.ports.clock().now();
        let made_by = subscriber.fingerprint();
        let is_ours = record.made_by == made_by;
        if is_paused {
            if let Some(id) = record.id.clone() {
                subscriber.delete(&id).await?;
                record.id = None;
                record.round += 1;
                match store.write(&record, &text).await? {
                    Some(written) => text = written,
                    None => return Ok(LATER),
                }
                done = "removed";
            }
        } else if record.id.is_none() || !is_ours || is_due(&record, settings, now) {
            let renewed = match &record.id {
                Some(id) if is_ours => subscriber.renew(id).await?,
                _ => false,
            };
            if renewed {
                done = "renewed";
            } else {
                let key = Sha256::digest(format!("{source} {} {}", record.life, record.round));
                let id = subscriber.create(&hex(&key)).await?;
                let before = record.id.replace(id);
                // A back end may give the same callback again.
                let before = before.filter(|before| record.id.as_ref() != Some(before));
                record.old.extend(before);
                record.round += 1;
                record.made_by = made_by;
                done = "registered";
            }
            record.renewed_at = now;
            match store.write(&record, &text).await? {
                Some(written) => text = written,
                None => {
                    self.give_up(&subscriber, &store, &record).await?;
                    return Ok(LATER);
                }
            }
        }
        while let Some(old) = record.old.pop() {
            subscriber.delete(&old).await?;
            match store.write(&record, &text).await? {
                Some(written) => text = written,
                None => return Ok(LATER),
            }
        }
        Ok(done)
    }

    /// Removes a callback that nobody will know of, since somebody else has registered one at the same time.
    async fn give_up(
        &self,
        subscriber: &Subscriber<'_, P>,
        store: &SubscriptionStore<'_, P::Redis>,
        record: &SubscriptionRecord,
    ) -> Result<(), SubscriptionError> {
        let (now, _) = store.read().await?;
        match &record.id {
            Some(id) if now.id.as_ref() != Some(id) && !now.old.contains(id) => {
                Ok(subscriber.delete(id).await?)
            }
            _ => Ok(()),
        }
    }
}

/// What is said where somebody else is at work.
const LATER: &str = "another instance is looking after it";

/// Whether half of the time is over that a callback is good for.
fn is_due(record: &SubscriptionRecord, settings: &SubscribeSettings, now: Millis) -> bool {
    let half = settings.lifetime_seconds.map(|seconds| seconds * 500);
    half.is_some_and(|half| now >= record.renewed_at.plus(half))
}
