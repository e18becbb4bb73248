//! Bulk data: devices ask for a file, a job makes it, and devices go on from it.

mod ask;
mod download;
mod form;
mod make;
mod scan;

pub use ask::{BulkDataAnswer, BulkDataRequest};
pub use download::BulkDownload;
pub use form::BulkForm;
pub use make::{BulkBegin, BulkWriter};
pub(super) use scan::Reading;
pub use scan::{BulkCopy, BulkObjects, BulkScan, BulkSource, BulkStep};

use crate::engine::{Engine, SyncError};
use crate::model::{BlobId, BulkSelection, SelectionId};
use crate::ports::Ports;
use crate::store::{BulkData, Pin};

/// The path below which files are served. Devices put it behind the server's address.
const PATH: &str = "/data/";

/// How the name of a file ends.
const EXTENSION: &str = ".data";

/// What a file is called. Devices give what they unpack the name it has in the archive, and look for it by the last part of
/// the address.
fn file_name(file: &BlobId) -> String {
    format!("{file}{EXTENSION}")
}

/// Where a file is.
fn path(selection: &SelectionId, file: &BlobId) -> String {
    format!("{PATH}{selection}/{}", file_name(file))
}

impl<P: Ports> Engine<P> {
    fn bulk_data(&self) -> BulkData<'_, P::Redis> {
        BulkData::new(self.ports.redis())
    }

    /// Whether who has a file with these copies can go on from it.
    async fn are_current(
        &self,
        selection: &BulkSelection,
        pins: &[Pin],
    ) -> Result<bool, SyncError> {
        let current = pins.iter().map(|pin| async {
            let id = selection.document(&pin.source);
            self.document(&id).is_current(pin).await
        });
        let current = futures_util::future::try_join_all(current).await?;
        Ok(current.into_iter().all(|is_current| is_current))
    }
}
