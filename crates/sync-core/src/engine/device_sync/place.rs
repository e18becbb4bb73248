//! Where a device stands in a document, and whether it can go on from there.

use std::rc::Rc;

use futures_util::join;
use sync_proto::sync::ResetReason;

use crate::account::DeviceSession;
use crate::engine::combined::Makeup;
use crate::engine::device_sync::heads::ReadHead;
use crate::engine::device_sync::{CURSOR, NewsRequest, Reading, Sharing};
use crate::engine::images::NamedImage;
use crate::engine::pull::Freshness;
use crate::engine::{Engine, SyncError};
use crate::model::{DeviceCursor, DocumentId, ImageForm, Version};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{ChangedDocuments, Clients, Followed, Head};
use crate::trace::TraceContext;

impl<P: Ports> Engine<P> {
    /// Asks the back end if it is time to, and sees to it that the device has a cursor it can go on from.
    pub(super) async fn prepare(
        &self,
        session: &DeviceSession,
        reading: &mut Reading<'_>,
        known: ReadHead,
        request: NewsRequest<'_>,
    ) -> Result<Rc<Head>, SyncError> {
        let ReadHead {
            head,
            is_shared,
            ahead,
            makeup,
        } = known;
        self.heed_reset(session, reading).await?;
        let looked_at = Rc::clone(&head);
        let useless = |reading: &Reading<'_>, head: &Head| {
            let cursor = reading.cursor.as_ref()?;
            why_useless(cursor, head)
        };
        let mut head = self
            .catch_up_with(session, reading, head, makeup, request.trace)
            .await?;
        // What was read a moment ago may be older than what the device was given since.
        if is_shared && useless(reading, &head).is_some() {
            head = self.head(&reading.document, Sharing::Fresh).await?.head;
        }
        if let Some(reason) = useless(reading, &head) {
            reading.begin_anew(reason);
        }
        let today = self.ports.clock().now().day();
        let is_known_today = |cursor: &DeviceCursor| cursor.day == today;
        if !reading.cursor.as_ref().is_some_and(is_known_today) {
            self.note_place(session, reading, &head, request.images)
                .await?;
        }
        if Rc::ptr_eq(&head, &looked_at) && reading.reset.is_none() {
            reading.ahead = ahead;
        }
        Ok(head)
    }

    /// Begins the source anew, if an administrator has let the device start it over. Only a cursor that does not know of the
    /// client's last reset costs a question; whichever source that was of, the next cursor knows.
    async fn heed_reset(
        &self,
        session: &DeviceSession,
        reading: &mut Reading<'_>,
    ) -> Result<(), SyncError> {
        let Some(cursor) = &mut reading.cursor else {
            return Ok(());
        };
        if cursor.reset >= session.reset {
            return Ok(());
        }
        let clients = Clients::new(self.ports.redis());
        let source = &reading.document.source;
        let last = clients.last_reset_of(session.client(), source).await?;
        if last > cursor.reset {
            reading.begin_anew(ResetReason::Requested);
        } else {
            cursor.reset = session.reset;
            reading.has_moved = true;
        }
        Ok(())
    }

    /// Asks the back end if it is time to.
    async fn catch_up_with(
        &self,
        session: &DeviceSession,
        reading: &Reading<'_>,
        head: Rc<Head>,
        makeup: Option<Makeup>,
        trace: Option<&TraceContext>,
    ) -> Result<Rc<Head>, SyncError> {
        let (source, document) = (reading.source(trace), &reading.document);
        // Between two pages the device has yet to get what the last answer has brought.
        let is_begin = reading.cursor.as_ref().is_none_or(DeviceCursor::is_at_end);
        let freshness = Freshness::of(&head, is_begin);
        let (is_made_anew, due) = match makeup {
            Some(makeup) => {
                let user = session.user();
                let caught_up = self.catch_up_members(user, source, document, makeup, freshness);
                (caught_up.await?, None)
            }
            None => (false, self.due(source, freshness).await?),
        };
        let described = self
            .describe_by_settings(source, document, head.described)
            .await?;
        if let Some(max_age_ms) = due {
            let (user, parameters) = (session.user(), &reading.parameters);
            self.ask_back_end(user, source, parameters, document, max_age_ms, freshness)
                .await?;
        }
        match described || is_made_anew || due.is_some() {
            true => Ok(self.head(document, Sharing::Fresh).await?.head),
            false => Ok(head),
        }
    }

    /// Tells the store where the device is: once a day, and when it begins.
    async fn note_place(
        &self,
        session: &DeviceSession,
        reading: &mut Reading<'_>,
        head: &Head,
        images: &[ImageForm],
    ) -> Result<(), SyncError> {
        if let Some(cursor) = reading.cursor.clone() {
            match self
                .follow(session, &reading.document, Some(&cursor))
                .await?
            {
                Followed::Done { .. } => {
                    let day = self.ports.clock().now().day();
                    reading.cursor = Some(DeviceCursor { day, ..cursor });
                    reading.has_moved = true;
                    return Ok(());
                }
                Followed::Restored => reading.begin_anew(ResetReason::Restored),
                Followed::TooOld => reading.begin_anew(ResetReason::TooOld),
            }
        }
        let image = self.image_to_begin_with(session.user(), &reading.document, head, images);
        let (bound, image) = join!(self.bind_device(session, &reading.document), image);
        bound?;
        let day = self.ports.clock().now().day();
        if let Some(image) = image? {
            let cursor = DeviceCursor {
                place: reading.place.clone(),
                life: image.life.clone(),
                version: image.version,
                base: image.version,
                since: image.version,
                day,
                reset: session.reset,
            };
            let followed = self
                .follow(session, &reading.document, Some(&cursor))
                .await?;
            // Else it has become useless in this very moment.
            if matches!(followed, Followed::Done { .. }) {
                let cursor = self.accounts.sessions().seal(CURSOR, &cursor);
                reading.image = Some(NamedImage::new(image, cursor));
                return Ok(());
            }
        }
        let Followed::Done { life, version } =
            self.follow(session, &reading.document, None).await?
        else {
            return Err(SyncError::Busy);
        };
        reading.has_moved = true;
        reading.cursor = Some(DeviceCursor {
            place: reading.place.clone(),
            life,
            version: Version::ZERO,
            base: Version::ZERO,
            since: version,
            day,
            reset: session.reset,
        });
        Ok(())
    }

    pub(super) async fn follow(
        &self,
        session: &DeviceSession,
        document: &DocumentId,
        cursor: Option<&DeviceCursor>,
    ) -> Result<Followed, SyncError> {
        let (now, new_life) = (self.ports.clock().now(), self.ports.random().hex::<8>());
        let (user, client) = (session.user(), session.client());
        let document = self.document(document);
        Ok(document
            .follow(client, user, cursor, now, &new_life)
            .await?)
    }

    /// Records which copy of the source the device follows. What waits for it in another one stays there until it is done, and is known
    /// here by its name, so that it is not done twice. An event stream of the device that is open follows that copy too from then on.
    pub(super) async fn bind_device(
        &self,
        session: &DeviceSession,
        document: &DocumentId,
    ) -> Result<(), SyncError> {
        let client = session.client();
        let clients = Clients::new(self.ports.redis());
        let DocumentId { source, partition } = document;
        let binding = clients.binding(client, source).await?;
        let binding = binding.filter(|binding| binding.user == *session.user());
        let binding = binding.ok_or(SyncError::UnknownClient)?;
        if binding.partition.as_ref() == Some(partition) {
            return Ok(clients.set_binding(client, source, partition).await?);
        }
        if let Some(left) = binding.partition {
            let left = DocumentId {
                source: source.clone(),
                partition: left,
            };
            let (here, there) = (self.document(document), self.document(&left));
            let now = self.ports.clock().now();
            here.carry_named(client, &there, now).await?;
            self.detach(client, &left).await?;
            // What came in meanwhile.
            here.carry_named(client, &there, now).await?;
        }
        let hints = ChangedDocuments::new(self.ports.redis());
        // In the same round trip, behind what it tells of.
        let (bound, announced) = join!(
            clients.set_binding(client, source, partition),
            hints.announce_follower(client)
        );
        bound?;
        Ok(announced?)
    }
}

/// Why a device cannot go on from a cursor.
pub(super) fn why_useless(cursor: &DeviceCursor, head: &Head) -> Option<ResetReason> {
    let is_another = head.life.as_deref() != Some(cursor.life.as_str());
    if is_another || cursor.version > head.version {
        return Some(ResetReason::Restored);
    }
    if cursor.acknowledged() < head.floor {
        return Some(ResetReason::TooOld);
    }
    let mark = head.described.schema?.version;
    let has_others = cursor.version > Version::ZERO && mark > cursor.version;
    (has_others && mark > cursor.since).then_some(ResetReason::Schema)
}
