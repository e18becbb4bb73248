//! Documents of the application's own: whatever scripts keep beside what is synced.

use crate::engine::{Engine, SyncError};
use crate::ports::Ports;
use crate::store::{ApplicationDocument, ApplicationDocuments, Kept};

/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 512;

impl<P: Ports> Engine<P> {
    /// Reads a document of the application's own.
    ///
    /// # Errors
    /// A key that cannot be one, and the store's.
    pub async fn application_document(
        &self,
        key: &str,
    ) -> Result<Option<ApplicationDocument>, SyncError> {
        check_key(key)?;
        Ok(ApplicationDocuments::new(self.ports.redis())
            .get(key)
            .await?)
    }

    /// Keeps a document of the application's own, in place of what is there, or added to it.
    ///
    /// # Errors
    /// A key that cannot be one, [`SyncError::InvalidDocument`] and the store's; nothing was changed then.
    pub async fn put_application_document(
        &self,
        key: &str,
        document: &ApplicationDocument,
        append: bool,
    ) -> Result<(), SyncError> {
        check_key(key)?;
        let invalid = |reason: &str| SyncError::InvalidDocument {
            name: key.to_owned(),
            reason: reason.to_owned(),
        };
        match ApplicationDocuments::new(self.ports.redis())
            .put(key, document, append)
            .await?
        {
            Kept::Yes => Ok(()),
            Kept::Full => Err(invalid("it would be too large")),
            Kept::OtherKind => Err(invalid(
                "a text cannot be added to a document of texts by name, nor the other way round",
            )),
        }
    }
}

fn check_key(key: &str) -> Result<(), SyncError> {
    let reason = if key.is_empty() {
        "its key is empty"
    } else if key.len() > MAX_KEY_BYTES {
        "its key is longer than 512 bytes"
    } else if key.chars().any(char::is_control) {
        "its key contains a control character"
    } else {
        return Ok(());
    };
    Err(SyncError::InvalidDocument {
        name: key.chars().take(100).collect(),
        reason: reason.to_owned(),
    })
}
