//! What documents keep about themselves, as requests of an instance have read it a moment ago.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::join;

use crate::engine::combined::Makeup;
use crate::engine::device_sync::{Reading, Sharing};
use crate::engine::{Engine, SyncError};
use crate::model::DocumentId;
use crate::ports::{Clock as _, Ports};
use crate::store::{Head, News, PageLimit};

/// How long what was read is shared.
const SHARED: Duration = Duration::from_millis(250);

/// Most documents of which it is kept: a moment's, of an instance that answers many users.
const MOST: usize = 1_000;

/// Most objects that are read with a head: as many as the script reads by itself.
const MOST_AHEAD: usize = 32;

/// See the module.
#[derive(Default)]
pub(in crate::engine) struct SharedHeads(RefCell<BTreeMap<DocumentId, (Duration, Rc<Head>)>>);

/// A head.
pub(in crate::engine) struct KnownHead {
    pub(in crate::engine) head: Rc<Head>,
    /// Whether it may be a little old.
    is_shared: bool,
}

/// The head of what a device reads.
pub(super) struct ReadHead {
    pub(super) head: Rc<Head>,
    /// Whether it may be a little old.
    pub(super) is_shared: bool,
    /// What is new, where that was read with it.
    pub(super) ahead: Option<News>,
    /// What the document is made of, if it is.
    pub(super) makeup: Option<Makeup>,
}

impl<P: Ports> Engine<P> {
    /// What the document keeps about itself now, or kept a moment ago.
    pub(in crate::engine) async fn head(
        &self,
        document: &DocumentId,
        sharing: Sharing,
    ) -> Result<KnownHead, SyncError> {
        let now = self.ports.clock().monotonic();
        if sharing == Sharing::Shared
            && let Some((read_at, head)) = self.heads.0.borrow().get(document)
            && now.saturating_sub(*read_at) < SHARED
        {
            return Ok(KnownHead {
                head: Rc::clone(head),
                is_shared: true,
            });
        }
        let head = Rc::new(self.document(document).head().await?);
        self.keep_head(document, &head);
        Ok(KnownHead {
            head,
            is_shared: false,
        })
    }

    /// The head of what a device reads, and of what that is made of. One that has just changed something has news nearly always: they
    /// are read with it.
    pub(super) async fn look(
        &self,
        reading: &Reading<'_>,
        sharing: Sharing,
        bytes: usize,
    ) -> Result<ReadHead, SyncError> {
        let document = &reading.document;
        let (known, makeup) = join!(
            self.look_ahead(reading, sharing, bytes),
            self.makeup(document, sharing)
        );
        let (KnownHead { head, is_shared }, ahead) = known?;
        Ok(ReadHead {
            head,
            is_shared,
            ahead,
            makeup: makeup?,
        })
    }

    async fn look_ahead(
        &self,
        reading: &Reading<'_>,
        sharing: Sharing,
        bytes: usize,
    ) -> Result<(KnownHead, Option<News>), SyncError> {
        let document = &reading.document;
        let Some(cursor) = reading
            .cursor
            .as_ref()
            .filter(|_| sharing == Sharing::Fresh)
        else {
            return Ok((self.head(document, sharing).await?, None));
        };
        let settings = reading.found.as_source().settings;
        let limit = PageLimit {
            objects: MOST_AHEAD.min(settings.max_page_size),
            bytes: bytes.min(settings.max_page_bytes),
        };
        let news = self.document(document).news(cursor.version, limit).await?;
        let head = Rc::new(news.head.clone());
        self.keep_head(document, &head);
        let known = KnownHead {
            head,
            is_shared: false,
        };
        Ok((known, Some(news)))
    }

    fn keep_head(&self, document: &DocumentId, head: &Rc<Head>) {
        let now = self.ports.clock().monotonic();
        let mut known = self.heads.0.borrow_mut();
        if known.len() >= MOST {
            known.retain(|_, (read_at, _)| now.saturating_sub(*read_at) < SHARED);
        }
        if known.len() < MOST {
            known.insert(document.clone(), (now, Rc::clone(head)));
        }
    }
}
