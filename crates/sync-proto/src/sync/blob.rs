//! Files that devices bring in parts.

use serde::{Deserialize, Serialize};

/// The answer to `PUT /sync/v1/blobs/{sha256}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobProgress {
    /// Bytes that the server has, from the first on. Where it is all of them, the file is there, and is what its address says.
    pub received: u64,
    /// Bytes of the file.
    pub bytes: u64,
}
