//! Callbacks at back ends: registered, renewed, and removed again.
//!
//! What is known of one is written after each call, and only if nobody else has written meanwhile. A crash in between leads
//! to the same call again: a create with the same idempotency key, a removal of what is gone.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::adapter::{AdapterError, Subscriber};
use crate::engine::{Engine, SyncError};
use crate::jobs::Subscribe;
use crate::model::{Millis, SourceName};
use crate::ports::{Clock as _, Ports, Random as _, hex};
use crate::settings::{KeptHook, Secret, SourceSettings, SubscribeSettings};
use crate::store::{StoreError, SubscriptionRecord, SubscriptionStore, subscribed_sources};

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
            return self.end_subscription(source).await;
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
        let hook = self.settings.kept_hook(source);
        let sealed = self.sealed(source, hook.as_ref());
        if record.id.is_some() && sealed.is_some() && self.opened(source, &record) != hook {
            record.hook.clone_from(&sealed);
            match store.write(&record, &text).await? {
                Some(written) => text = written,
                None => return Ok(LATER),
            }
        }
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
                store.list().await?;
                let key = Sha256::digest(format!("{source} {} {}", record.life, record.round));
                let id = subscriber.create(&hex(&key)).await?;
                let before = record.id.replace(id);
                // A back end may give the same callback again.
                let before = before.filter(|before| record.id.as_ref() != Some(before));
                record.old.extend(before);
                record.round += 1;
                record.made_by = made_by;
                record.hook.clone_from(&sealed);
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
        let removed = remove_old(&subscriber, &store, &mut record, text);
        Ok(removed.await?.map_or(LATER, |_| done))
    }

    /// Removes the callback of a source that subscribes to nothing any more, by what was kept of its settings.
    async fn end_subscription(
        &self,
        source: &SourceName,
    ) -> Result<&'static str, SubscriptionError> {
        let store = SubscriptionStore::new(self.ports.redis(), source);
        let (mut record, mut text) = store.read().await?;
        let mut done = "the source subscribes to nothing any more";
        if !record.is_over() {
            let kept = self.opened(source, &record);
            match kept.and_then(|text| KeptHook::read(text.expose())) {
                Some(KeptHook { secret, subscribe }) => {
                    let secrets = self.accounts.adapter_secrets();
                    let ports = Rc::clone(&self.ports);
                    let subscriber = Subscriber::new(ports, &secrets, &subscribe, &secret);
                    record.old.extend(record.id.take());
                    match remove_old(&subscriber, &store, &mut record, text).await? {
                        Some(written) => text = written,
                        None => return Ok(LATER),
                    }
                    done = "removed";
                }
                None => {
                    tracing::error!(
                        source.name = %source,
                        "the source is not in the settings any more, and how its callback is removed is not known: remove it at the back end"
                    );
                    done = "cannot be removed: the settings that it was made by are not known";
                }
            }
        }
        store.forget(&text).await?;
        Ok(done)
    }

    /// Lets jobs remove the callbacks of sources that subscribe to nothing any more.
    pub(super) async fn end_subscriptions(&self) -> Result<(), SyncError> {
        for source in subscribed_sources(self.ports.redis()).await? {
            let settings = self.settings.sources.get(&source);
            if !settings.is_some_and(SourceSettings::subscribes) {
                self.enqueue_own(&Subscribe::job(&source)).await?;
            }
        }
        Ok(())
    }

    /// What a callback is removed by, as the store keeps it.
    fn sealed(&self, source: &SourceName, hook: Option<&Secret>) -> Option<String> {
        let vault = self.accounts.adapter_secrets().vault?;
        Some(vault.seal(self.ports.random(), &purpose(source), hook?.expose()))
    }

    fn opened(&self, source: &SourceName, record: &SubscriptionRecord) -> Option<Secret> {
        let vault = self.accounts.adapter_secrets().vault?;
        let text = vault.open(&purpose(source), record.hook.as_ref()?);
        text.map(Secret::new)
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

/// Removes the callbacks that others have taken the place of; answers the record's text. Nothing: somebody else is at work.
async fn remove_old<P: Ports>(
    subscriber: &Subscriber<'_, P>,
    store: &SubscriptionStore<'_, P::Redis>,
    record: &mut SubscriptionRecord,
    mut text: String,
) -> Result<Option<String>, SubscriptionError> {
    while let Some(old) = record.old.pop() {
        subscriber.delete(&old).await?;
        match store.write(record, &text).await? {
            Some(written) => text = written,
            None => return Ok(None),
        }
    }
    Ok(Some(text))
}

/// One source's settings are never another's.
fn purpose(source: &SourceName) -> String {
    format!("hook of {source}")
}

/// What is said where somebody else is at work.
const LATER: &str = "another instance is looking after it";

/// Whether half of the time is over that a callback is good for.
fn is_due(record: &SubscriptionRecord, settings: &SubscribeSettings, now: Millis) -> bool {
    let half = settings.lifetime_seconds.map(|seconds| seconds * 500);
    half.is_some_and(|half| now >= record.renewed_at.plus(half))
}
