//! What documents keep about themselves, as requests of an instance have read it a moment ago.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::engine::device_sync::Sharing;
use crate::engine::{Engine, SyncError};
use crate::model::DocumentId;
use crate::ports::{Clock as _, Ports};
use crate::store::Head;

/// How long what was read is shared.
const SHARED: Duration = Duration::from_millis(250);

/// Most documents of which it is kept: a moment's, of an instance that answers many users.
const MOST: usize = 1_000;

/// See the module.
#[derive(Default)]
pub(in crate::engine) struct SharedHeads(RefCell<BTreeMap<DocumentId, (Duration, Rc<Head>)>>);

/// A head, and whether it may be a little old.
#[derive(Clone)]
pub(super) struct KnownHead {
    pub(super) head: Rc<Head>,
    pub(super) is_shared: bool,
}

impl<P: Ports> Engine<P> {
    /// What the document keeps about itself now, or kept a moment ago.
    pub(super) async fn head(
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
        let mut known = self.heads.0.borrow_mut();
        if known.len() >= MOST {
            known.retain(|_, (read_at, _)| now.saturating_sub(*read_at) < SHARED);
        }
        if known.len() < MOST {
            known.insert(document.clone(), (now, Rc::clone(&head)));
        }
        let is_shared = false;
        Ok(KnownHead { head, is_shared })
    }
}
