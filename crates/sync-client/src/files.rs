//! Files that objects refer to.

use sync_device::{file_address, file_at};
use sync_store::FileStatus;

use crate::database::Database;
use crate::error::Error;

impl Database {
    /// Keeps a file, and answers its address: what an object refers to it by, in an attribute whose name ends in `-rhoblob`. It goes up
    /// with the next sync, before the changes that refer to it. One that no change refers to is removed after a day.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is no room for it; the database file's.
    pub fn add_file(
        &self,
        name: &str,
        content_type: &str,
        content: &[u8],
    ) -> Result<String, Error> {
        let now_ms = self.shared.platform.now_ms();
        let quota = self.shared.file_quota;
        let mut store = self.shared.store();
        let sha256 = store.add_file(content, content_type, quota, now_ms)?;
        Ok(file_address(&sha256, name))
    }

    /// How the file at an address is; `None` if nothing is known of it here.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no file's address; the database file's.
    pub fn file(&self, address: &str) -> Result<Option<FileStatus>, Error> {
        Ok(self.shared.store().file(digest(address)?)?)
    }

    /// The content of the file at an address; `None` if it is not here: see [`Self::want_file`].
    ///
    /// # Errors
    /// As [`Self::file`].
    pub fn read_file(&self, address: &str) -> Result<Option<Vec<u8>>, Error> {
        let now_ms = self.shared.platform.now_ms();
        let mut store = self.shared.store();
        Ok(store.read_file(digest(address)?, now_ms)?)
    }

    /// Has the file at an address come with the next sync, unless it is here.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub fn want_file(&self, address: &str) -> Result<(), Error> {
        let platform = self.shared.platform.as_ref();
        let now_ms = platform.now_ms();
        self.shared.store().want_file(digest(address)?, now_ms)?;
        self.shared.following.has_changes(platform.elapsed_ms());
        Ok(())
    }
}

fn digest(address: &str) -> Result<&str, Error> {
    file_at(address).ok_or_else(|| Error::Invalid {
        reason: format!("{address:?} is not the address of a file"),
    })
}
