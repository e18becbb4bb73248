//! Documents of the application's own: what scripts keep beside what is synced.

use crate::ports::Ports;
use crate::store::{
    ApplicationDocument, ApplicationDocumentStore, PutMode, PutOutcome, StoreError,
};

/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 512;

/// Why a document of the application's own is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Its key or what is in it cannot be.
    #[error("document {name:?}: {reason}")]
    Invalid {
        /// Its name or key.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Documents of the application's own.
pub struct ApplicationDocuments<'a, P> {
    ports: &'a P,
}

impl<'a, P: Ports> ApplicationDocuments<'a, P> {
    /// The documents of this store.
    pub fn new(ports: &'a P) -> Self {
        Self { ports }
    }

    /// Reads a document of the application's own.
    ///
    /// # Errors
    /// A key that cannot be one, and the store's.
    pub async fn get(&self, key: &str) -> Result<Option<ApplicationDocument>, DocumentError> {
        check_key(key)?;
        Ok(ApplicationDocumentStore::new(self.ports.redis())
            .get(key)
            .await?)
    }

    /// Keeps a document of the application's own, in place of what is there, or added to it.
    ///
    /// # Errors
    /// A key that cannot be one, [`DocumentError::Invalid`] and the store's; nothing was changed then.
    pub async fn put(
        &self,
        key: &str,
        document: &ApplicationDocument,
        mode: PutMode,
    ) -> Result<(), DocumentError> {
        check_key(key)?;
        let invalid = |reason| DocumentError::Invalid {
            name: key.to_owned(),
            reason,
        };
        match ApplicationDocumentStore::new(self.ports.redis())
            .put(key, document, mode)
            .await?
        {
            PutOutcome::Yes => Ok(()),
            PutOutcome::Full => Err(invalid("it would be too large")),
            PutOutcome::OtherKind => Err(invalid(
                "a text cannot be added to a document of texts by name, nor the other way round",
            )),
        }
    }
}

fn check_key(key: &str) -> Result<(), DocumentError> {
    let reason = if key.is_empty() {
        "its key is empty"
    } else if key.len() > MAX_KEY_BYTES {
        "its key is longer than 512 bytes"
    } else if key.chars().any(char::is_control) {
        "its key contains a control character"
    } else {
        return Ok(());
    };
    Err(DocumentError::Invalid {
        name: key.chars().take(100).collect(),
        reason,
    })
}
